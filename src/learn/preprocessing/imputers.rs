//! Absent features filled in.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::feature::each_present;
use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        dummy::NoParams,
        params::{ParamError, child},
        stats::{Statistic, StatisticSpec, Univariate},
    },
};

crate::params! {
    /// Parameters of [`StatImputer`].
    pub struct StatImputerParams {
        /// The statistic of a feature that stands in for it.
        statistic: StatisticSpec = StatisticSpec::Mean(Default::default());
        /// The features that are filled in; "none" means all.
        features: Option<Vec<String>> = None;
    }
}

/// Fills an absent feature in with a running statistic of its past values; it stays absent while the statistic has nothing to say.
///
/// Reference: River's `preprocessing.StatImputer`.
///
/// ```
/// use tidemill::learn::{base::Transformer, preprocessing::{StatImputer, StatImputerParams}};
///
/// let mut imputer = StatImputer::new(StatImputerParams::default(), vec![true]);
/// let mut out = Vec::new();
/// for x in [2.0, 6.0] {
///     imputer.learn_one(&[x]);
/// }
/// imputer.transform_one(&[f64::NAN], &mut out);
/// assert_eq!(out, [4.0]);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatImputer {
    params: StatImputerParams,
    /// The statistics of the features that are filled in.
    features: Vec<Option<Statistic>>,
}

impl StatImputer {
    /// An imputer of those features whose place in `filled` says so.
    pub fn new(params: StatImputerParams, filled: Vec<bool>) -> Self {
        let features = filled.into_iter().map(|filled| filled.then(|| params.statistic.build())).collect();
        StatImputer { params, features }
    }
}

/// `x`, or what stands in for it.
fn present_or(x: f64, instead: Option<f64>) -> f64 {
    if x.is_finite() { x } else { instead.unwrap_or(f64::NAN) }
}

impl Transformer for StatImputer {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        out.clear();
        let told = |feature: &Option<Statistic>| feature.as_ref().and_then(Univariate::get);
        out.extend(x.iter().zip(&self.features).map(|(x, feature)| present_or(*x, told(feature))));
    }

    fn learn_one(&mut self, x: &[f64]) {
        each_present(&mut self.features, x, |feature, x| {
            if let Some(statistic) = feature {
                statistic.update(x);
            }
        });
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        input.clone()
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(StatImputer::new(self.params.clone(), self.features.iter().map(Option::is_some).collect()))
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        Box::new(self.clone())
    }
}

impl Component for StatImputer {
    type Params = StatImputerParams;
    const NAME: &'static str = "stat_imputer";
    const SUMMARY: &'static str = "fills absent features in with a running statistic of their past";
    const REFERENCE: &'static str = "River, preprocessing.StatImputer";

    fn examples() -> Vec<Value> {
        let others = [
            json!({ "statistic": { "ew_mean": { "fading_factor": 0.1 } }, "features": ["b"] }),
            json!({ "statistic": "rolling_max" }),
        ];
        [Value::from(Self::NAME)].into_iter().chain(others.map(|params| json!({ Self::NAME: params }))).collect()
    }

    fn build(params: StatImputerParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let filled = match &params.features {
            None => vec![true; on.schema.len()],
            Some(names) => {
                super::select::positions(names, &child(on.path, "features"), on.schema)?;
                on.schema.names().iter().map(|name| names.contains(name)).collect()
            }
        };
        Ok(StatImputer::new(params, filled))
    }
}

/// Fills an absent feature in with its last present value; it stays absent while there has been none.
///
/// Reference: River's `preprocessing.PreviousImputer`.
///
/// ```
/// use tidemill::learn::{base::Transformer, preprocessing::PreviousImputer};
///
/// let mut imputer = PreviousImputer::new(2);
/// let mut out = Vec::new();
/// imputer.learn_one(&[2.0, f64::NAN]);
/// imputer.transform_one(&[f64::NAN, f64::NAN], &mut out);
/// assert_eq!(format!("{out:?}"), "[2.0, NaN]");
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreviousImputer {
    last: Vec<Option<f64>>,
}

impl PreviousImputer {
    /// An imputer of `features` features.
    pub fn new(features: usize) -> Self {
        PreviousImputer { last: vec![None; features] }
    }
}

impl Transformer for PreviousImputer {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend(x.iter().zip(&self.last).map(|(x, last)| present_or(*x, *last)));
    }

    fn learn_one(&mut self, x: &[f64]) {
        each_present(&mut self.last, x, |last, x| *last = Some(x));
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        input.clone()
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(PreviousImputer::new(self.last.len()))
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        Box::new(self.clone())
    }
}

impl Component for PreviousImputer {
    type Params = NoParams;
    const NAME: &'static str = "previous_imputer";
    const SUMMARY: &'static str = "fills absent features in with their last value";
    const REFERENCE: &'static str = "River, preprocessing.PreviousImputer";

    fn build(_params: NoParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(PreviousImputer::new(on.schema.len()))
    }
}

impl_snapshot!(StatImputer, PreviousImputer);
