//! Features scaled to mean 0 and variance 1.

use serde::{Deserialize, Serialize};

use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::ParamError,
    },
};

crate::params! {
    /// Parameters of [`StandardScaler`].
    pub struct StandardScalerParams {
        /// Whether features are divided by their standard deviation; else only the mean is taken off.
        with_std: bool = true;
    }
}

/// Takes the running mean off each feature and divides by its running (population) standard deviation; 0.0 while the variance is 0.
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
    features: Vec<Running>,
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

    fn transform(&self, x: f64, with_std: bool) -> f64 {
        let scaled = match with_std {
            true if self.var > 0.0 => (x - self.mean) / self.var.sqrt(),
            true => 0.0,
            false => x - self.mean,
        };
        if scaled.is_finite() { scaled } else { f64::NAN }
    }
}

impl StandardScaler {
    /// A scaler of `features` features.
    pub fn new(params: StandardScalerParams, features: usize) -> Self {
        StandardScaler { params, features: vec![Running::default(); features] }
    }
}

impl Transformer for StandardScaler {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        let with_std = self.params.with_std;
        out.clear();
        out.extend(self.features.iter().zip(x).map(|(f, x)| if x.is_finite() { f.transform(*x, with_std) } else { f64::NAN }));
    }

    fn learn_one(&mut self, x: &[f64]) {
        for (feature, x) in self.features.iter_mut().zip(x).filter(|(_, x)| x.is_finite()) {
            feature.learn(*x, self.params.with_std);
        }
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        input.clone()
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(StandardScaler::new(self.params.clone(), self.features.len()))
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

    fn build(params: StandardScalerParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(StandardScaler::new(params, on.schema.len()))
    }
}

impl_snapshot!(StandardScaler);
