//! Predictions kept near what has been seen.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{load_parts, save_parts};
use crate::{
    impl_snapshot,
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild},
        params::{ParamError, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`RangeClipper`].
    pub struct RangeClipperParams {
        required {
            /// The regressor whose predictions are kept near the targets seen: a name or an object with the name as its only key.
            regressor: Value;
        }
        /// How far outside the range of the targets so far a prediction may be, in widths of that range.
        widths: f64 = 1.0, in 0.0..;
    }
}

/// The smallest and the largest target so far. Bounds nothing while it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeenRange {
    low: f64,
    high: f64,
}

impl Default for SeenRange {
    fn default() -> Self {
        SeenRange { low: f64::INFINITY, high: f64::NEG_INFINITY }
    }
}

impl SeenRange {
    /// Widens the range to `y`, which is finite.
    #[inline]
    pub fn take(&mut self, y: f64) {
        self.low = self.low.min(y);
        self.high = self.high.max(y);
    }

    /// `y`, cut to the range and `widths` of its widths on either side.
    #[inline]
    pub fn bound(&self, y: f64, widths: f64) -> f64 {
        if self.low > self.high {
            return y;
        }
        let margin = widths * (self.high - self.low);
        // A range wider than the largest number bounds nothing.
        if margin.is_finite() { y.min(self.high + margin).max(self.low - margin) } else { y }
    }
}

/// Passes a regressor's predictions on, cut to the range of the targets so far and `widths` of its widths on either side. Learning is not touched.
///
/// A linear model that has seen three records, or meets a feature fifty deviations from its mean, says numbers beyond all reason; a few such predictions
/// outweigh thousands of good ones in every mean. A target that grows steadily stays far within the bounds, since they grow with it.
///
/// Reference: none; a guard of this library.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "range_clipper": { "regressor": "linear_regression" } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::new(["x"]), 7).unwrap();
/// for k in 0..100 {
///     let x = f64::from(k % 10);
///     model.learn_one(&[x], 100.0 + 2.0 * x);
/// }
/// // Targets lie between 100 and 118, so that nothing above 136 is said.
/// assert_eq!(model.predict_one(&[1_000.0]), 136.0);
/// ```
pub struct RangeClipper {
    seen: SeenRange,
    widths: f64,
    regressor: Box<dyn Regressor>,
}

impl RangeClipper {
    /// `regressor` with its predictions cut to `widths` widths outside the range of its targets.
    pub fn new(regressor: Box<dyn Regressor>, widths: f64) -> Self {
        RangeClipper { seen: SeenRange::default(), widths, regressor }
    }
}

impl Regressor for RangeClipper {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.seen.bound(self.regressor.predict_one(x), self.widths)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if !(y.is_finite() && weight > 0.0 && weight.is_finite()) {
            return;
        }
        self.seen.take(y);
        self.regressor.learn_weighted(x, y, weight);
    }

    fn takes_weights(&self) -> bool {
        self.regressor.takes_weights()
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.regressor.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(RangeClipper::new(self.regressor.clone_fresh(), self.widths))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(RangeClipper { seen: self.seen, widths: self.widths, regressor: self.regressor.clone_learned() })
    }
}

impl_snapshot!(SeenRange);

impl Snapshot for RangeClipper {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        save_parts(&[&self.seen, &*self.regressor], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        load_parts(&mut [&mut self.seen, &mut *self.regressor], bytes)
    }
}

impl Component for RangeClipper {
    type Params = RangeClipperParams;
    const NAME: &'static str = "range_clipper";
    const SUMMARY: &'static str = "keeps a regressor's predictions near the range of the targets so far";
    const REFERENCE: &'static str = "none: a guard of this library";

    fn examples() -> Vec<Value> {
        vec![
            json!({ Self::NAME: { "regressor": "linear_regression" } }),
            json!({ Self::NAME: { "regressor": "pa_regressor", "widths": 0.0 } }),
        ]
    }

    fn build(params: RangeClipperParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let regressor = on.catalog.regressor(&params.regressor, &child(on.path, "regressor"), on.schema, on.seed)?;
        Ok(RangeClipper::new(regressor, params.widths))
    }
}
