//! What holds for all statistics: windows equal reckoning from scratch, state comes back to the bit, poison is refused.

use proptest::prelude::*;

use super::*;
use crate::{
    learn::params::ParamValue,
    snapshot::{decode, encode},
};

/// Every statistic with its default parameters.
fn all() -> Vec<(&'static str, Statistic)> {
    let build = |name: &str| StatisticSpec::read_value(&name.into(), &[]).unwrap().build();
    StatisticSpec::choices().into_iter().map(|choice| (choice.name, build(choice.name))).collect()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn what_is_not_finite_changes_nothing_and_extremes_stay_finite() {
    for (name, mut statistic) in all() {
        for x in [1.0, 4.0, 2.0, -3.0] {
            statistic.update(x);
        }
        let before = encode(&statistic).unwrap();
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            statistic.update(x);
        }
        assert_eq!(encode(&statistic).unwrap(), before, "{name}");
        for k in 0..60_i32 {
            let size = [1e300, 1e-300, f64::MAX, 0.0, 1e150, f64::MIN_POSITIVE / 8.0][k as usize % 6];
            statistic.update(if k % 4 < 2 { size } else { -size });
            assert!(statistic.get().is_none_or(f64::is_finite), "{name} after {k}: {:?}", statistic.get());
        }
    }
}

#[test]
fn nothing_is_said_before_the_first_value_but_counts_and_sums() {
    for (name, statistic) in all() {
        assert_eq!(statistic.get(), ["count", "sum", "n_unique"].contains(&name).then_some(0.0), "{name}");
    }
}

proptest! {
    #[test]
    fn state_comes_back_without_a_difference_in_a_bit(values in prop::collection::vec(-1e3..1e3_f64, 2..120), cut in 0_usize..120) {
        for (name, mut straight) in all() {
            let mut restored = straight.clone();
            for (k, x) in values.iter().enumerate() {
                straight.update(*x);
                restored.update(*x);
                if k == cut.min(values.len() - 1) {
                    restored = decode(&encode(&restored).unwrap()).unwrap();
                }
                prop_assert_eq!(straight.get().map(f64::to_bits), restored.get().map(f64::to_bits), "{} at {}", name, k);
            }
            prop_assert_eq!(encode(&straight).unwrap(), encode(&restored).unwrap(), "{}", name);
        }
    }

    #[test]
    fn windows_equal_reckoning_from_their_values_alone(values in prop::collection::vec(-1e3..1e3_f64, 1..150), size in 1_usize..40) {
        let (mut extreme, mut median) = (RollingPeakToPeak::new(size), RollingQuantile::new(0.5, size));
        let (mut moments, mut reverting) = (RollingMoments::new(size), Rolling::new(Var::default(), size));
        let mut corr = RollingPair::new(PearsonCorr::default(), size);
        for (k, x) in values.iter().enumerate() {
            // Rounded, so that equal values occur.
            let x = x.round();
            extreme.update(x);
            median.update(x);
            moments.update(x);
            reverting.update(x);
            corr.update(x, x * x);
            let window: Vec<f64> = values[(k + 1).saturating_sub(size)..=k].iter().map(|x| x.round()).collect();
            let mut sorted = window.clone();
            sorted.sort_by(f64::total_cmp);
            let n = sorted.len() as f64;
            let mean = window.iter().sum::<f64>() / n;
            let squares: f64 = window.iter().map(|x| (x - mean) * (x - mean)).sum();
            let middle = (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
            prop_assert_eq!(extreme.get(), Some(sorted[sorted.len() - 1] - sorted[0]));
            prop_assert!(near(median.get().unwrap(), middle));
            prop_assert!(near(moments.mean().unwrap(), mean));
            prop_assert!(near(moments.var(0.0).unwrap(), squares / n));
            prop_assert!(near(reverting.get().unwrap(), moments.var(1.0).unwrap()));
            prop_assert!(corr.get().abs() <= 1.0 + 1e-6);
        }
    }

    #[test]
    fn running_moments_equal_those_of_two_passes(values in prop::collection::vec(-1e2..1e2_f64, 4..200)) {
        let (mut skew, mut kurtosis) = (Skew::biased(), Kurtosis::biased());
        values.iter().for_each(|x| { skew.update(*x); kurtosis.update(*x) });
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let moment = |order: i32| values.iter().map(|x| (0..order).fold(1.0, |p, _| p * (x - mean))).sum::<f64>() / n;
        prop_assert!(near(skew.get().unwrap(), moment(3) / (moment(2) * moment(2).sqrt())));
        prop_assert!(near(kurtosis.get().unwrap(), moment(4) / (moment(2) * moment(2)) - 3.0));
    }
}

#[test]
fn the_p2_quantile_comes_near_the_true_one() {
    for q in [0.1, 0.5, 0.9] {
        let mut quantile = Quantile::new(q);
        // The multiples of a generator of a prime field visit every number once, in no visible order.
        (1..10_007_u64).fold(1, |x, _| {
            quantile.update(x as f64);
            x * 5 % 10_007
        });
        assert!((quantile.get().unwrap() / 10_007.0 - q).abs() < 0.01, "{q}: {:?}", quantile.get());
    }
}
