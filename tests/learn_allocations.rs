//! The hot path of the linear models and of the nearest neighbours allocates nothing: counted by an allocator of this test's own.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use serde_json::{Value, json};
use tidemill::learn::{base::Schema, catalog::Catalog};

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
    ] {
        assert_eq!(allocations(&spec, 2_000), 0, "{spec}");
    }
}

#[test]
fn the_count_sees_allocations() {
    assert!(allocations(&json!("batch_incremental"), 200) > 0, "each fit allocates, and that must show");
}
