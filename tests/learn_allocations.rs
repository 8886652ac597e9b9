//! The hot path of the linear models and of the nearest neighbours allocates nothing: counted by an allocator of this test's own.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use serde_json::{Value, json};
use tidemill::learn::{
    base::Schema,
    catalog::{Catalog, Model},
};

struct Counting;

thread_local! {
    // Per thread: the test harness allocates on threads of its own whenever it likes.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches a thread-local number only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `records` records cost after a warm-up of as many as fill every window.
fn allocations(spec: &Value, records: u32) -> usize {
    let mut model = Catalog::standard().regressor(spec, &[], &Schema::new(["a", "b", "c"]), 1).unwrap();
    let mut run = |from: u32, to: u32| {
        for k in from..to {
            let x = [f64::from(k % 17), f64::from(k % 23), if k % 29 == 0 { f64::NAN } else { f64::from(k % 31) }];
            std::hint::black_box(model.predict_one(&x));
            model.learn_one(&x, x[0] - x[1]);
        }
    };
    run(0, 1_500);
    let before = ALLOCATIONS.with(Cell::get);
    run(1_500, 1_500 + records);
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn linear_models_and_neighbours_allocate_nothing_per_record() {
    let scaled = |model: Value| json!({ "pipeline": { "steps": ["standard_scaler", model] } });
    for spec in [
        json!("mean"),
        json!("linear_regression"),
        scaled(json!("linear_regression")),
        scaled(json!({ "linear_regression": { "optimizer": "adam", "l2": 0.1, "average_from": 3 } })),
        scaled(json!({ "linear_regression": { "optimizer": "newton" } })),
        scaled(json!("pa_regressor")),
        json!({ "target_standard_scaler": { "regressor": scaled(json!("linear_regression")) } }),
        scaled(json!("knn_regressor")),
        json!("bayesian_linear_regression"),
        json!({ "bayesian_linear_regression": { "smoothing": 0.99 } }),
        json!("recursive_least_squares"),
        json!({ "target_min_max_scaler": { "regressor": "recursive_least_squares" } }),
        json!({ "statistic": { "how": { "rolling_quantile": { "q": 0.9, "window_size": 50 } } } }),
        json!({ "pipeline": { "steps": [
            "previous_imputer", { "stat_imputer": { "statistic": "rolling_max" } }, "polynomial_extender", "min_max_scaler", "max_abs_scaler",
            "robust_scaler", "adaptive_standard_scaler", "normalizer", { "union": { "parts": ["target_agg", "select"] } }, "linear_regression",
        ] } }),
    ] {
        assert_eq!(allocations(&spec, 2_000), 0, "{spec}");
    }
}

#[test]
fn forecasters_learn_and_detectors_update_without_allocating() {
    let value = |k: u32| f64::from(k * 7 % 23) + f64::from(k % 12);
    for spec in [
        json!({ "snarimax": { "p": 12, "d": 1, "q": 12, "m": 12, "sp": 1, "sd": 1, "sq": 1 } }),
        json!({ "holt_winters": { "beta": 0.1, "gamma": 0.3, "seasonality": 12 } }),
        json!("seasonal_naive"),
        json!("drift"),
    ] {
        let Ok(Model::Forecaster(mut model)) = Catalog::standard().build(&spec, &[], &Schema::default(), 1) else {
            panic!("{spec}")
        };
        (0..500).for_each(|k| model.learn_one(value(k), &[]));
        let before = ALLOCATIONS.with(Cell::get);
        (500..1_500).for_each(|k| model.learn_one(value(k), &[]));
        assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0, "{spec}");
    }
    for spec in ["ddm", "eddm", "hddm_a", "hddm_w", "fhddm"] {
        let mut detector = Catalog::standard().drift_detector(&json!(spec), &[], 1).unwrap();
        (0..500).for_each(|k| detector.update(f64::from(u8::from(k % 5 == 0))));
        let before = ALLOCATIONS.with(Cell::get);
        (0..1_000).for_each(|k| detector.update(f64::from(u8::from(k % 5 == 0))));
        assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0, "{spec}");
    }
}

#[test]
fn trees_allocate_only_where_they_grow() {
    let scaled = |model: Value| json!({ "pipeline": { "steps": ["standard_scaler", model] } });
    // Full after a few records, so that nothing grows any more.
    for spec in [
        json!({ "hoeffding_tree_regressor": { "max_nodes": 1 } }),
        json!({ "hoeffding_tree_regressor": { "max_nodes": 31, "max_size": 0.01, "grace_period": 20, "delta": 0.5 } }),
        json!({ "hoeffding_adaptive_tree_regressor": { "max_nodes": 1, "drift_detector": "page_hinkley" } }),
        json!({ "arf_regressor": { "max_nodes": 1, "drift_detector": "page_hinkley", "warning_detector": "no_drift" } }),
        json!({ "oxt_regressor": { "max_nodes": 1, "detection_mode": "off" } }),
    ] {
        assert_eq!(allocations(&scaled(spec.clone()), 2_000), 0, "{spec}");
    }
}

#[test]
fn the_count_sees_allocations() {
    assert!(allocations(&json!("batch_incremental"), 200) > 0, "each fit allocates, and that must show");
}
