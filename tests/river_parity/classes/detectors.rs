//! Drift detectors.

use super::{Class, model};

const HDDM: [(&str, &str); 3] = [
    ("drift_confidence", "drift_confidence"),
    ("warning_confidence", "warning_confidence"),
    ("two_sided_test", "two_sided_test"),
];

pub const CLASSES: &[Class] = &[
    model(
        "ADWIN",
        "adwin",
        &[
            ("delta", "delta"),
            ("clock", "clock"),
            ("max_buckets", "max_buckets"),
            ("min_window_length", "min_window_length"),
            ("grace_period", "grace_period"),
        ],
    ),
    model(
        "PageHinkley",
        "page_hinkley",
        &[
            ("min_instances", "min_instances"),
            ("delta", "delta"),
            ("threshold", "threshold"),
            ("alpha", "alpha"),
            ("mode", "mode"),
        ],
    ),
    model("KSWIN", "kswin", &[("alpha", "alpha"), ("window_size", "window_size"), ("stat_size", "stat_size"), ("seed", "seed")]),
    model(
        "DDM",
        "ddm",
        &[("warm_start", "warm_start"), ("warning_threshold", "warning_threshold"), ("drift_threshold", "drift_threshold")],
    ),
    model("EDDM", "eddm", &[("warm_start", "warm_start"), ("alpha", "alpha"), ("beta", "beta")]),
    model("HDDMA", "hddm_a", &HDDM),
    model("HDDMW", "hddm_w", &[HDDM[0], HDDM[1], ("lambda_val", "lambda"), HDDM[2]]),
    model(
        "FHDDM",
        "fhddm",
        &[
            ("sliding_window_size", "sliding_window_size"),
            ("confidence_level", "confidence_level"),
            ("short_window_size", "short_window_size"),
        ],
    ),
    model("NoDrift", "no_drift", &[]),
];
