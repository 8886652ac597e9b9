//! Features scaled to mean 0 and variance 1.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::feature::{each_present, told};
use crate::{
    impl_snapshot,
    learn::{
        arithmetic::Arithmetic,
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::ParamError,
        stats::{Moments, Sliding, Var},
    },
};

crate::params! {
    /// Parameters of [`StandardScaler`].
    pub struct StandardScalerParams {
        /// Whether features are divided by their standard deviation; else only the mean is taken off.
        with_std: bool = true;
        /// Scale by the last so many records only; "none" scales by all.
        window_size: Option<usize> = None, in 1..=100_000, unit "records";
        /// Take roots by the C library's `pow` and subtract what leaves a window, to River's last bit; else roots are correctly rounded and windows
        /// keep nothing of what left.
        river_compat: bool = false;
    }
}

/// Takes the running mean off each feature and divides by its running (population) standard deviation; 0.0 while the variance is 0. With a window,
/// mean and deviation are those of the last records, without anything left of older ones (River adds and subtracts, which leaves rounding errors).
///
/// Only finite values are learned; an absent value stays absent, and so does one whose score cannot be told (a standard deviation so small that the
/// division overflows). A value whose square would overflow the variance is not learned.
///
/// Reference: B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4(3), 1962.
///
/// ```
/// use tidemill::learn::{base::Transformer, preprocessing::{StandardScaler, StandardScalerParams}};
///
/// let mut scaler = StandardScaler::new(StandardScalerParams::default(), 1);
/// let mut out = Vec::new();
/// for x in [2.0, 4.0, 9.0] {
///     scaler.learn_one(&[x]);
/// }
/// scaler.transform_one(&[9.0], &mut out);
/// assert_eq!(format!("{:.4}", out[0]), "1.3587"); // (9 - 5) / 2.9439
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StandardScaler {
    params: StandardScalerParams,
    spread: Spread,
}

/// What is known of each feature.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Spread {
    Running(Vec<Running>),
    Window(Vec<Sliding<Moments>>),
    RiverWindow(Vec<RiverWindow>),
}

/// A window as River keeps it: what leaves is subtracted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct RiverWindow {
    values: VecDeque<f64>,
    var: Var,
}

impl RiverWindow {
    fn learn(&mut self, x: f64, size: usize) {
        if self.values.len() == size
            && let Some(oldest) = self.values.pop_front()
        {
            self.var.revert(oldest, 1.0);
        }
        self.var.update(x, 1.0);
        self.values.push_back(x);
    }
}

/// Count, mean and population variance of one feature.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Running {
    n: u64,
    mean: f64,
    var: f64,
}

impl Running {
    fn learn(&mut self, x: f64, with_std: bool) {
        let n = (self.n + 1) as f64;
        let mean = self.mean + (x - self.mean) / n;
        let var = if with_std { self.var + ((x - self.mean) * (x - mean) - self.var) / n } else { 0.0 };
        if mean.is_finite() && var.is_finite() {
            *self = Running { n: self.n + 1, mean, var };
        }
    }
}

/// The score of `x`, absent where it cannot be told.
fn score(x: f64, mean: f64, var: f64, with_std: bool, math: Arithmetic) -> f64 {
    let scaled = match with_std {
        true if var > 0.0 => (x - mean) / math.root(var),
        true => 0.0,
        false => x - mean,
    };
    told(scaled)
}

impl StandardScaler {
    /// A scaler of `features` features.
    pub fn new(params: StandardScalerParams, features: usize) -> Self {
        let spread = match params.window_size {
            None => Spread::Running(vec![Running::default(); features]),
            Some(_) if params.river_compat => Spread::RiverWindow(vec![RiverWindow::default(); features]),
            Some(_) => Spread::Window(vec![Sliding::default(); features]),
        };
        StandardScaler { params, spread }
    }

    fn features(&self) -> usize {
        match &self.spread {
            Spread::Running(features) => features.len(),
            Spread::Window(features) => features.len(),
            Spread::RiverWindow(features) => features.len(),
        }
    }
}

impl Transformer for StandardScaler {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        let (with_std, math) = (self.params.with_std, Arithmetic::of(self.params.river_compat));
        let scale = |x: &f64, mean, var| if x.is_finite() { score(*x, mean, var, with_std, math) } else { f64::NAN };
        out.clear();
        match &self.spread {
            Spread::Running(features) => out.extend(features.iter().zip(x).map(|(f, x)| scale(x, f.mean, f.var))),
            Spread::Window(features) => out.extend(features.iter().zip(x).map(|(f, x)| {
                let window = f.summary();
                scale(x, window.mean, window.squares / window.n.max(1.0))
            })),
            Spread::RiverWindow(features) => {
                out.extend(features.iter().zip(x).map(|(f, x)| scale(x, f.var.mean(), f.var.get(0.0))));
            }
        }
    }

    fn learn_one(&mut self, x: &[f64]) {
        let (with_std, size) = (self.params.with_std, self.params.window_size.unwrap_or(usize::MAX));
        match &mut self.spread {
            Spread::Running(features) => each_present(features, x, |feature, x| feature.learn(x, with_std)),
            Spread::RiverWindow(features) => each_present(features, x, |feature, x| feature.learn(x, size)),
            Spread::Window(features) => each_present(features, x, |feature, x| {
                feature.push(x);
                if feature.len() > size {
                    feature.pop_oldest();
                }
            }),
        }
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        input.clone()
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(StandardScaler::new(self.params.clone(), self.features()))
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        Box::new(self.clone())
    }
}

impl Component for StandardScaler {
    type Params = StandardScalerParams;
    const NAME: &'static str = "standard_scaler";
    const SUMMARY: &'static str = "scales features to running mean 0 and variance 1";
    const REFERENCE: &'static str = "Welford, Technometrics 4(3), 1962";

    fn examples() -> Vec<Value> {
        let others =
            [json!({ "with_std": false }), json!({ "window_size": 100 }), json!({ "window_size": 100, "river_compat": true })];
        [Value::from(Self::NAME)].into_iter().chain(others.map(|params| json!({ Self::NAME: params }))).collect()
    }

    fn build(params: StandardScalerParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(StandardScaler::new(params, on.schema.len()))
    }
}

impl_snapshot!(StandardScaler);
