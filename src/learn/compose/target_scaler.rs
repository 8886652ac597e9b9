//! Regressors that learn a scaled target.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{load_parts, save_parts};
use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, child},
        preprocessing::share,
        stats::{Max, Min, Univariate, Var},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`TargetStandardScaler`] and [`TargetMinMaxScaler`].
    pub struct TargetScalerParams {
        required {
            /// The regressor that learns the scaled target: a name or an object with the name as its only key.
            regressor: Value;
        }
    }
}

/// A scale of the target that is learned on the way.
pub trait TargetScale: Snapshot + Clone + Default + Send + 'static {
    /// The name in specs of a regressor that learns on this scale.
    const NAME: &'static str;
    /// What it does, in one line.
    const SUMMARY: &'static str;
    /// Paper or reference implementation.
    const REFERENCE: &'static str;

    /// Learns the scale of `y`, which is finite.
    fn learn(&mut self, y: f64);

    /// `y` on the scale; not finite where that cannot be told.
    fn scale(&self, y: f64) -> f64;

    /// The target that stands at `scaled`.
    fn unscale(&self, scaled: f64) -> f64;
}

/// A regressor that learns the target on a scale `S`; its predictions are scaled back. A target that has no finite place on the scale is not passed on.
pub struct TargetScaler<S> {
    scale: S,
    regressor: Box<dyn Regressor>,
}

impl<S: TargetScale> TargetScaler<S> {
    /// Scales the target for `regressor`.
    pub fn new(regressor: Box<dyn Regressor>) -> Self {
        TargetScaler { scale: S::default(), regressor }
    }

    /// Learns the scale of `y` and gives `y` scaled.
    fn scaled(&mut self, y: f64) -> Option<f64> {
        if !y.is_finite() {
            return None;
        }
        self.scale.learn(y);
        Some(self.scale.scale(y)).filter(|scaled| scaled.is_finite())
    }
}

impl<S: TargetScale> Regressor for TargetScaler<S> {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        finite(self.scale.unscale(self.regressor.predict_one(x)))
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if let Some(scaled) = self.scaled(y) {
            self.regressor.learn_one(x, scaled);
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if weight > 0.0
            && let Some(scaled) = self.scaled(y)
        {
            self.regressor.learn_weighted(x, scaled, weight);
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.regressor.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(TargetScaler::<S>::new(self.regressor.clone_fresh()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(TargetScaler { scale: self.scale.clone(), regressor: self.regressor.clone_learned() })
    }
}

impl<S: TargetScale> Snapshot for TargetScaler<S> {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        save_parts(&[&self.scale, &*self.regressor], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        load_parts(&mut [&mut self.scale, &mut *self.regressor], bytes)
    }
}

impl<S: TargetScale> Component for TargetScaler<S> {
    type Params = TargetScalerParams;
    const NAME: &'static str = S::NAME;
    const SUMMARY: &'static str = S::SUMMARY;
    const REFERENCE: &'static str = S::REFERENCE;

    fn examples() -> Vec<Value> {
        vec![json!({ Self::NAME: { "regressor": { "pipeline": { "steps": ["standard_scaler", "linear_regression"] } } } })]
    }

    fn build(params: TargetScalerParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        on.catalog.regressor(&params.regressor, &child(on.path, "regressor"), on.schema, on.seed).map(TargetScaler::new)
    }
}

/// Running mean 0 and (sample) variance 1; everything stands at 0.0 while the variance is 0.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Standardised(Var);

impl TargetScale for Standardised {
    const NAME: &'static str = "target_standard_scaler";
    const SUMMARY: &'static str = "lets a regressor learn the target scaled to mean 0 and variance 1";
    const REFERENCE: &'static str = "River, preprocessing.TargetStandardScaler";

    fn learn(&mut self, y: f64) {
        self.0.update(y, 1.0);
    }

    fn scale(&self, y: f64) -> f64 {
        let std = self.0.get(1.0).sqrt();
        if std > 0.0 { (y - self.0.mean()) / std } else { 0.0 }
    }

    fn unscale(&self, scaled: f64) -> f64 {
        scaled * self.0.get(1.0).sqrt() + self.0.mean()
    }
}

/// The smallest target at 0 and the largest at 1; everything stands at 0.0 while they are equal.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MinMaxed(Min, Max);

impl TargetScale for MinMaxed {
    const NAME: &'static str = "target_min_max_scaler";
    const SUMMARY: &'static str = "lets a regressor learn the target scaled to the range from 0 to 1";
    const REFERENCE: &'static str = "River, preprocessing.TargetMinMaxScaler";

    fn learn(&mut self, y: f64) {
        self.0.update(y);
        self.1.update(y);
    }

    fn scale(&self, y: f64) -> f64 {
        self.0.get().zip(self.1.get()).map_or(0.0, |(low, high)| share(y, low, high))
    }

    fn unscale(&self, scaled: f64) -> f64 {
        self.0.get().zip(self.1.get()).map_or(scaled, |(low, high)| scaled * finite(high - low) + low)
    }
}

impl_snapshot!(Standardised, MinMaxed);

/// Scales the target to running mean 0 and (sample) variance 1 before the regressor learns it, and scales its predictions back.
///
/// Reference: River's `preprocessing.TargetStandardScaler`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "target_standard_scaler": { "regressor": "mean" } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
/// for y in [100.0, 104.0, 102.0] {
///     model.learn_one(&[], y);
/// }
/// // The mean of the scaled targets 0, 0.7071 and 0 is 0.2357, and 102 + 2 * 0.2357 is
/// assert_eq!(format!("{:.4}", model.predict_one(&[])), "102.4714");
/// ```
pub type TargetStandardScaler = TargetScaler<Standardised>;

/// Scales the target to the range from 0 (the smallest so far) to 1 (the largest) before the regressor learns it, and scales its predictions back.
///
/// Reference: River's `preprocessing.TargetMinMaxScaler`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "target_min_max_scaler": { "regressor": "mean" } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
/// for y in [100.0, 104.0, 102.0] {
///     model.learn_one(&[], y);
/// }
/// // The mean of the scaled targets 0, 1 and 0.5 is 0.5, and 100 + 4 * 0.5 is
/// assert_eq!(model.predict_one(&[]), 102.0);
/// ```
pub type TargetMinMaxScaler = TargetScaler<MinMaxed>;
