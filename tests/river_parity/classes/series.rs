//! Forecasters.

use super::{Class, model};

pub const CLASSES: &[Class] = &[
    model(
        "SNARIMAX",
        "snarimax",
        &[("p", "p"), ("d", "d"), ("q", "q"), ("m", "m"), ("sp", "sp"), ("sd", "sd"), ("sq", "sq"), ("regressor", "regressor")],
    )
    .compat(),
    model(
        "HoltWinters",
        "holt_winters",
        &[
            ("alpha", "alpha"),
            ("beta", "beta"),
            ("gamma", "gamma"),
            ("seasonality", "seasonality"),
            ("multiplicative", "multiplicative"),
        ],
    )
    .compat(),
];
