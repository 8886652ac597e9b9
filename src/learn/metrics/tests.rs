//! Rolling equals recomputed from scratch, whatever went before; cumulative survives what is not finite; state comes back bit for bit.

use proptest::prelude::*;

use super::*;
use crate::snapshot::{Snapshot, decode, encode};

const ALL: [MetricName; 5] = [MetricName::Mae, MetricName::Mse, MetricName::Rmse, MetricName::Smape, MetricName::R2];

fn from_scratch(metric: MetricName, pairs: &[(f64, f64)]) -> f64 {
    let mut cumulative = metric.cumulative();
    pairs.iter().for_each(|(y, p)| cumulative.update(*y, *p));
    cumulative.get()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

proptest! {
    #[test]
    fn rolling_equals_the_measure_of_the_last_pairs_alone(
        pairs in prop::collection::vec((-100.0..100.0_f64, -100.0..100.0_f64), 1..600), window in 1_usize..200,
    ) {
        for metric in ALL {
            let mut rolling = metric.rolling(window);
            for (k, (y, p)) in pairs.iter().enumerate() {
                rolling.update(*y, *p);
                let alone = from_scratch(metric, &pairs[(k + 1).saturating_sub(window)..=k]);
                prop_assert!(close(rolling.get(), alone), "{metric} at {k}: {} against {alone}", rolling.get());
            }
        }
    }

    #[test]
    fn rolling_state_comes_back_without_a_difference_in_a_bit(
        pairs in prop::collection::vec((-1e6..1e6_f64, -1e6..1e6_f64), 2..400), window in 1_usize..150, cut in 0_usize..400,
    ) {
        let cut = cut.min(pairs.len() - 1);
        let mut straight = RollingScorer::of_count(window);
        let mut restored = RollingScorer::of_count(window);
        for (k, (y, p)) in pairs.iter().enumerate() {
            straight.update(k as i64, *y, *p, Some(0.5));
            restored.update(k as i64, *y, *p, Some(0.5));
            if k == cut {
                restored = decode(&encode(&restored).unwrap()).unwrap();
            }
            prop_assert_eq!(straight.scores(), restored.scores());
        }
        prop_assert_eq!(encode(&straight).unwrap(), encode(&restored).unwrap());
    }
}

#[test]
fn nothing_of_a_huge_error_is_left_when_it_has_left_the_window() {
    for metric in ALL {
        let mut rolling = metric.rolling(100);
        rolling.update(1e308, -1e308);
        let calm: Vec<(f64, f64)> = (0..100).map(|k| (f64::from(k % 7), f64::from(k % 5))).collect();
        calm.iter().for_each(|(y, p)| rolling.update(*y, *p));
        assert!(close(rolling.get(), from_scratch(metric, &calm)), "{metric}: {}", rolling.get());
    }
}

#[test]
fn what_is_not_finite_is_refused_and_what_overflows_stays_finite() {
    for metric in ALL {
        for mut m in [metric.cumulative(), Box::new(metric.rolling(3))] {
            m.update(1.0, 2.0);
            let before = m.get();
            m.update(f64::NAN, 1.0);
            m.update(1.0, f64::INFINITY);
            assert_eq!(m.get(), before, "{metric}");
            for _ in 0..5 {
                m.update(1e308, -1e308);
            }
            assert!(m.get().is_finite(), "{metric}");
        }
    }
}

#[test]
fn taking_back_what_was_given_restores_the_measure() {
    for metric in ALL {
        for mut m in [metric.cumulative(), Box::new(metric.rolling(10))] {
            for (y, p) in [(1.0, 2.0), (4.0, 3.5), (2.0, 2.0)] {
                m.update(y, p);
            }
            let before = m.get();
            m.update(9.0, 4.0);
            m.revert(9.0, 4.0);
            assert!(close(m.get(), before), "{metric}");
        }
    }
}

#[test]
fn a_pair_leaves_a_time_window_when_it_is_as_old_as_the_window() {
    let mut scorer = RollingScorer::of_time(10).at_most(3);
    for at in 0..5 {
        scorer.update(at, 1.0, 0.0, None);
    }
    assert_eq!(scorer.scores().n, 3);
    scorer.advance(12);
    assert_eq!(scorer.scores().n, 2);
    scorer.advance(100);
    assert_eq!((scorer.scores().n, scorer.scores().mae), (0, 0.0));
}

#[test]
fn a_cut_beyond_the_window_is_no_state() {
    let mut scorer = RollingScorer::of_count(5);
    scorer.update(0, 1.0, 2.0, None);
    let mut bytes = encode(&scorer).unwrap();
    let last = bytes.len() - 8;
    bytes[last] = 9;
    assert!(scorer.load(&bytes).is_err());
    assert_eq!(scorer.scores().n, 1);
}

#[test]
fn directions_are_up_down_and_unchanged() {
    let mut accuracy = DirectionalAccuracy::default();
    for (y, p) in [(2.0, 3.0), (0.0, 0.5), (1.0, 1.0), (1.0, 1.5)] {
        accuracy.update(y, p, 1.0);
    }
    assert_eq!(accuracy.get(), 0.75);
}
