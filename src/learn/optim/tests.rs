//! Every optimiser walks downhill, leaves absent features alone and takes a step back exactly; losses have the gradients they claim.

use serde_json::json;

use super::*;
use crate::learn::params::ParamValue;

fn all() -> Vec<(&'static str, OptimizerSpec)> {
    OptimizerSpec::choices().iter().map(|c| (c.name, OptimizerSpec::read_value(&json!(c.name), &[]).unwrap())).collect()
}

#[test]
fn every_optimiser_walks_down_a_bowl() {
    for (name, spec) in all() {
        let mut optimizer = Optimizer::new(spec, 2, Arithmetic::Native);
        let mut w = vec![0.0, 0.0];
        let error = |w: &[f64]| (w[0] - 3.0).abs() + (w[1] + 2.0).abs();
        for k in 0..500 {
            let x = if k % 2 == 0 { [1.0, 0.5] } else { [-0.5, 1.0] };
            optimizer.look_ahead(&mut w, &x);
            let slope = 2.0 * (x[0] * (w[0] - 3.0) + x[1] * (w[1] + 2.0));
            optimizer.step(&mut w, &x.map(|x| x * slope));
        }
        assert!(error(&w) < 4.99, "{name}: {w:?}");
        assert_eq!(optimizer.steps(), 500);
    }
}

#[test]
fn absent_features_keep_their_weight_and_state() {
    for (name, spec) in all() {
        let (mut with_gap, mut single) =
            (Optimizer::new(spec.clone(), 2, Arithmetic::Native), Optimizer::new(spec, 1, Arithmetic::Native));
        let (mut w2, mut w1) = (vec![0.5, 0.0], vec![0.0]);
        for k in 0..20 {
            with_gap.look_ahead(&mut w2, &[f64::NAN, 1.0]);
            single.look_ahead(&mut w1, &[1.0]);
            with_gap.step(&mut w2, &[f64::NAN, k as f64 - 7.0]);
            single.step(&mut w1, &[k as f64 - 7.0]);
        }
        assert_eq!(w2, [0.5, w1[0]], "{name}");
    }
}

#[test]
fn a_step_taken_back_leaves_no_trace() {
    for (name, spec) in all() {
        let mut optimizer = Optimizer::new(spec, 3, Arithmetic::Native);
        let mut w = vec![0.0; 3];
        optimizer.step(&mut w, &[1.0, -2.0, 0.5]);
        let (before, mut undo) = (optimizer.clone(), Vec::new());
        optimizer.keep(&mut undo);
        optimizer.step(&mut w, &[1e200, 1e300, f64::INFINITY]);
        optimizer.restore(&undo);
        assert_eq!(optimizer, before, "{name}");
    }
}

#[test]
fn gradients_are_the_slopes_of_the_losses() {
    for choice in Loss::choices() {
        let loss = Loss::read_value(&json!(choice.name), &[]).unwrap();
        for (y, p) in [(1.0, 2.5), (3.0, 0.4), (2.0, 2.05), (-1.0, 0.7)] {
            let h = 1e-6;
            let slope = (loss.value(y, p + h) - loss.value(y, p - h)) / (2.0 * h);
            assert!((slope - loss.gradient(y, p, false)).abs() < 1e-5, "{} at y {y}, p {p}: {slope}", choice.name);
        }
    }
}

#[test]
fn schedules_fall_as_they_say() {
    let rate = |value| LearningRate::read_value(&value, &["lr".to_owned()]).unwrap();
    let inverse = rate(json!({"inverse_scaling": {"learning_rate": 0.1, "power": 0.5}}));
    assert_eq!([inverse.get(0), inverse.get(3), inverse.get(99)], [0.1, 0.05, 0.01]);
    assert_eq!([rate(json!(0.3)).get(0), rate(json!(0.3)).get(1_000)], [0.3, 0.3]);
    let optimal = rate(json!("optimal"));
    assert!((optimal.get(0) - 10.0).abs() < 1e-12 && optimal.get(1) < optimal.get(0));
    let error = LearningRate::read_value(&json!(-1), &["lr".to_owned()]).unwrap_err();
    assert_eq!(error[0].to_string(), "lr: -1 is out of range; expected at least 0");
}
