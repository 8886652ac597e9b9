//! Statistics of past targets as a feature.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::{ParamError, child},
        stats::{Statistic, StatisticSpec, Univariate},
    },
};

crate::params! {
    /// Parameters of [`TargetAgg`].
    pub struct TargetAggParams {
        /// The statistic of the targets.
        how: StatisticSpec = StatisticSpec::Mean(Default::default());
        /// Features whose values tell groups of records apart, each with a statistic of its own; with none there is one group.
        by: Vec<String> = Vec::new();
        /// The feature's name; "none" makes one of the statistic and the groups.
        name: Option<String> = None;
        /// What stands for the statistic of a group that has none yet.
        fill_value: f64 = 0.0;
        /// Most groups that are kept; records of further ones get the fill value.
        max_groups: usize = 1_000, in 1..=1_000_000, unit "groups";
    }
}

/// Replaces the features by one: a statistic of the targets learned so far, of the record's group if groups are told apart. Beside other features it
/// stands in a `union`.
///
/// A record's own target is learned after the record has been transformed, so the feature never knows the answer. A record with an absent grouping
/// feature belongs to no group.
///
/// Reference: River's `feature_extraction.TargetAgg`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Schema, Transformer}, catalog::Catalog};
///
/// let spec = json!({ "target_agg": { "how": { "rolling_mean": { "window_size": 2 } } } });
/// let mut agg = Catalog::standard().transformer(&spec, &[], &Schema::new(["open"]), 7).unwrap();
/// let mut out = Vec::new();
/// for y in [1.0, 3.0, 5.0] {
///     agg.learn_target(&[0.0], y);
/// }
/// agg.transform_one(&[0.0], &mut out);
/// assert_eq!(out, [4.0]);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TargetAgg {
    params: TargetAggParams,
    by: Vec<usize>,
    /// Sorted by the bits of the grouping features.
    groups: Vec<(Vec<u64>, Statistic)>,
}

impl TargetAgg {
    /// An aggregate of groups by the features at the positions `by`.
    pub fn new(params: TargetAggParams, by: Vec<usize>) -> Self {
        TargetAgg { params, by, groups: Vec::new() }
    }

    /// The place of the group of `x`, or where it would stand; `None` for a record that belongs to no group.
    fn group(&self, x: &[f64]) -> Option<Result<usize, usize>> {
        let bits = |position: &usize| (x[*position] + 0.0).to_bits();
        let complete = self.by.iter().all(|position| x[*position].is_finite());
        complete.then(|| self.groups.binary_search_by(|(key, _)| key.iter().copied().cmp(self.by.iter().map(bits))))
    }
}

impl Transformer for TargetAgg {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        let known = self.group(x).and_then(Result::ok).and_then(|at| self.groups[at].1.get());
        out.clear();
        out.push(known.unwrap_or(self.params.fill_value));
    }

    fn learn_one(&mut self, _x: &[f64]) {}

    fn learn_target(&mut self, x: &[f64], y: f64) {
        let Some(place) = self.group(x).filter(|_| y.is_finite()) else {
            return;
        };
        let at = match place {
            Ok(at) => at,
            Err(_) if self.groups.len() == self.params.max_groups => return,
            Err(at) => {
                let key = self.by.iter().map(|position| (x[*position] + 0.0).to_bits()).collect();
                self.groups.insert(at, (key, self.params.how.build()));
                at
            }
        };
        self.groups[at].1.update(y);
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        let how = crate::learn::params::ParamValue::to_value(&self.params.how);
        let statistic = how.as_object().and_then(|o| o.keys().next()).cloned().unwrap_or_default();
        let by: Vec<&str> = self.by.iter().map(|position| input.names()[*position].as_str()).collect();
        let groups = if by.is_empty() { String::new() } else { format!("_by_{}", by.join("_and_")) };
        Schema::new([self.params.name.clone().unwrap_or_else(|| format!("y_{statistic}{groups}"))])
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(TargetAgg::new(self.params.clone(), self.by.clone()))
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        Box::new(self.clone())
    }
}

impl Component for TargetAgg {
    type Params = TargetAggParams;
    const NAME: &'static str = "target_agg";
    const SUMMARY: &'static str = "a statistic of past targets, of groups or of all, as a feature";
    const REFERENCE: &'static str = "River, feature_extraction.TargetAgg";

    fn examples() -> Vec<Value> {
        vec![Value::from(Self::NAME), json!({ Self::NAME: { "how": "rolling_mean", "by": ["a"], "max_groups": 50 } })]
    }

    fn build(params: TargetAggParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let by = super::select::positions(&params.by, &child(on.path, "by"), on.schema)?;
        Ok(TargetAgg::new(params, by))
    }
}

impl_snapshot!(TargetAgg);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_statistics_of_their_own_up_to_the_limit() {
        let params = TargetAggParams { by: vec!["g".to_owned()], max_groups: 2, fill_value: -1.0, ..TargetAggParams::default() };
        let mut agg = TargetAgg::new(params, vec![0]);
        for (group, y) in [(1.0, 10.0), (2.0, 20.0), (1.0, 30.0), (3.0, 99.0), (f64::NAN, 7.0), (0.0, f64::NAN)] {
            agg.learn_target(&[group], y);
        }
        let mut told = |group: f64| {
            let mut out = Vec::new();
            agg.transform_one(&[group], &mut out);
            out[0]
        };
        assert_eq!([1.0, 2.0, 3.0, f64::NAN].map(&mut told), [20.0, 20.0, -1.0, -1.0]);
    }
}
