//! Drift detectors.

use super::{Class, model};

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
    model("NoDrift", "no_drift", &[]),
];
