//! Seasonal ARIMA with any online regressor underneath.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Differencer;
use crate::{
    impl_snapshot,
    learn::{
        base::{Forecaster, Regressor, Schema, finite},
        catalog::{Component, ModelBuild, scaled},
        compose::{load_parts, save_parts},
        params::{ParamError, ParamErrorKind, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`Snarimax`].
    pub struct SnarimaxParams {
        /// How many past (differenced) values are features.
        p: usize = 1, in 0..=10_000, unit "records";
        /// How often the series is differenced.
        d: usize = 0, in 0..=10, unit "times";
        /// How many past errors of the model are features.
        q: usize = 0, in 0..=10_000, unit "records";
        /// The length of a season.
        m: usize = 1, in 1..=100_000, unit "records";
        /// How many past values a season apart are features.
        sp: usize = 0, in 0..=100, unit "seasons";
        /// How often the series is differenced by a season.
        sd: usize = 0, in 0..=10, unit "times";
        /// How many past errors a season apart are features.
        sq: usize = 0, in 0..=100, unit "seasons";
        /// The regressor that learns the differenced series from the lags and the exogenous features: a name or an object with the name as its
        /// only key.
        regressor: Value = scaled("standard_scaler".into(), "linear_regression".into());
        /// Forecast from the first record on, taking what is not known yet for 0, as River does; else forecasts begin when the series can be
        /// differenced.
        river_compat: bool = false;
    }
}

/// SNARIMAX: the series is differenced, and a regressor learns its value from its own past, from past errors, from both a season ago and from exogenous
/// features; nonlinear with a nonlinear regressor. Forecasts feed themselves back, take future errors for 0 and undo the differencing.
///
/// Features are, in this order, the exogenous ones, `y-1` … `y-p`, `sy-m` … (a season apart), `e-1` … `e-q`, `se-m` …; absent while the history does
/// not reach them. Nothing is learned before `d + m * sd` values are known. With River's parameters the numbers are River's. The default regressor
/// diverges on no scale but learns slowly; forecasts of many steps can explode when the lags' weights sum to more than 1.
///
/// Memory: `d + m * sd` values, `max(p, m * sp)` differences and `max(q, m * sq)` errors, beside the regressor's.
///
/// Reference: G. E. P. Box, G. M. Jenkins, "Time series analysis: forecasting and control", 1970; River's `time_series.SNARIMAX`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::Schema, catalog::{Catalog, Model}};
///
/// let spec = json!({ "snarimax": { "p": 2, "d": 1, "regressor": "recursive_least_squares" } });
/// let Ok(Model::Forecaster(mut model)) = Catalog::standard().build(&spec, &[], &Schema::default(), 7) else { panic!() };
/// for t in 0..200 {
///     model.learn_one(3.0 * f64::from(t) + 10.0 * f64::from(t % 2), &[]);
/// }
/// let forecast: Vec<String> = model.forecast(3, &[]).iter().map(|y| format!("{y:.1}")).collect();
/// assert_eq!(forecast, ["600.0", "613.0", "606.0"]);
/// ```
pub struct Snarimax {
    history: History,
    regressor: Box<dyn Regressor>,
    work: Work,
}

/// All of the state but the regressor's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct History {
    shape: Shape,
    values: VecDeque<f64>,
    differences: VecDeque<f64>,
    errors: VecDeque<f64>,
}

/// The parameters that shape features and histories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shape {
    p: usize,
    q: usize,
    m: usize,
    sp: usize,
    sq: usize,
    differencer: Differencer,
    exogenous: usize,
    river_compat: bool,
}

/// Scratch memory: the features, and the histories that a forecast prolongs.
#[derive(Debug, Clone, Default)]
struct Work {
    x: Vec<f64>,
    values: VecDeque<f64>,
    differences: VecDeque<f64>,
    errors: VecDeque<f64>,
}

/// Puts the newest value first and lets the oldest go.
fn remember(history: &mut VecDeque<f64>, most: usize, value: f64) {
    if most > 0 {
        if history.len() == most {
            history.pop_back();
        }
        history.push_front(value);
    }
}

impl Shape {
    fn of(params: &SnarimaxParams, exogenous: usize) -> Self {
        let SnarimaxParams { p, d, q, m, sp, sd, sq, river_compat, .. } = *params;
        Shape { p, q, m, sp, sq, differencer: Differencer::new(d, m, sd), exogenous, river_compat }
    }

    /// The names of the regressor's features.
    fn schema(&self, exogenous: &Schema) -> Schema {
        let every = |name: &'static str, count: usize, apart: usize| (1..=count).map(move |k| format!("{name}-{}", k * apart));
        let lags = every("y", self.p, 1).chain(every("sy", self.sp, self.m)).chain(every("e", self.q, 1));
        Schema::new(exogenous.names().iter().cloned().chain(lags).chain(every("se", self.sq, self.m)))
    }

    /// Fills `x` with the features of the next step; what is not known is absent.
    fn fill(&self, exogenous: &[f64], differences: &VecDeque<f64>, errors: &VecDeque<f64>, x: &mut Vec<f64>) {
        x.clear();
        x.extend(exogenous.iter().take(self.exogenous));
        x.resize(self.exogenous, f64::NAN);
        for (of, count, seasons) in [(differences, self.p, self.sp), (errors, self.q, self.sq)] {
            x.extend(of.iter().take(count));
            x.extend(std::iter::repeat_n(f64::NAN, count.saturating_sub(of.len())));
            x.extend((1..=seasons).map(|k| of.get(k * self.m - 1).copied().unwrap_or(f64::NAN)));
        }
    }
}

impl Snarimax {
    /// A forecaster over `regressor`, which takes the features of [`Snarimax`]'s text with `exogenous` exogenous ones.
    pub fn new(params: &SnarimaxParams, exogenous: usize, regressor: Box<dyn Regressor>) -> Self {
        Snarimax::of(Shape::of(params, exogenous), regressor)
    }

    fn of(shape: Shape, regressor: Box<dyn Regressor>) -> Self {
        let empty = VecDeque::new;
        let history = History { shape, values: empty(), differences: empty(), errors: empty() };
        Snarimax { history, regressor, work: Work::default() }
    }
}

impl Forecaster for Snarimax {
    fn learn_one(&mut self, y: f64, x: &[f64]) {
        if !y.is_finite() {
            return;
        }
        let History { shape, values, differences, errors } = &mut self.history;
        let lags = shape.differencer.lags();
        if values.len() >= lags {
            let features = &mut self.work.x;
            shape.fill(x, differences, errors, features);
            let difference = finite(shape.differencer.difference(y, values));
            let error = finite(difference - self.regressor.predict_one(features));
            remember(differences, shape.p.max(shape.m * shape.sp), difference);
            remember(errors, shape.q.max(shape.m * shape.sq), error);
            self.regressor.learn_one(features, difference);
        }
        // One value is kept even where none is needed to difference: it tells that the series has begun.
        remember(values, lags.max(1), y);
    }

    fn forecast(&mut self, horizon: usize, xs: &[&[f64]]) -> Vec<f64> {
        let History { shape, values, differences, errors } = &self.history;
        let lags = shape.differencer.lags();
        if !shape.river_compat && values.len() < lags.max(1) {
            return Vec::new();
        }
        let work = &mut self.work;
        work.values.clone_from(values);
        work.differences.clone_from(differences);
        work.errors.clone_from(errors);
        let step = |h: usize| {
            shape.fill(xs.get(h).copied().unwrap_or(&[]), &work.differences, &work.errors, &mut work.x);
            let difference = finite(self.regressor.predict_one(&work.x));
            let forecast = finite(shape.differencer.integrate(difference, &work.values));
            work.differences.push_front(difference);
            work.values.push_front(forecast);
            work.errors.push_front(0.0);
            forecast
        };
        (0..horizon).map(step).collect()
    }

    fn clone_fresh(&self) -> Box<dyn Forecaster> {
        Box::new(Snarimax::of(self.history.shape.clone(), self.regressor.clone_fresh()))
    }
}

impl_snapshot!(History);

impl Snapshot for Snarimax {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        save_parts(&[&self.history, &*self.regressor], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        load_parts(&mut [&mut self.history, &mut *self.regressor], bytes)
    }
}

impl Component for Snarimax {
    type Params = SnarimaxParams;
    const NAME: &'static str = "snarimax";
    const SUMMARY: &'static str = "seasonal ARIMA with exogenous features over any regressor";
    const REFERENCE: &'static str = "Box and Jenkins, Time series analysis, 1970; River, time_series.SNARIMAX";

    fn examples() -> Vec<Value> {
        let of = |params: Value| json!({ Self::NAME: params });
        vec![
            of(json!({ "p": 2, "d": 1, "q": 2 })),
            of(json!({ "p": 3, "m": 12, "sp": 1, "sd": 1, "sq": 1, "regressor": "recursive_least_squares" })),
            of(json!({ "p": 1, "river_compat": true })),
        ]
    }

    fn build(params: SnarimaxParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let shape = Shape::of(&params, on.schema.len());
        let schema = shape.schema(on.schema);
        let twice = (1..schema.len()).find(|k| schema.position(&schema.names()[*k]) != Some(*k));
        if let Some(k) = twice {
            let message = format!("the exogenous feature `{}` has the name of a lag", schema.names()[k]);
            return Err(vec![ParamError::new(ParamErrorKind::Conflict, on.path, message, "another name for the feature")]);
        }
        let regressor = on.catalog.regressor(&params.regressor, &child(on.path, "regressor"), &schema, on.seed)?;
        Ok(Snarimax::of(shape, regressor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::catalog::{Catalog, Model};

    fn built(params: Value) -> Box<dyn Forecaster> {
        let spec = json!({ "snarimax": params });
        match Catalog::standard().build(&spec, &[], &Schema::new(["ex"]), 7) {
            Ok(Model::Forecaster(model)) => model,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn forecasts_begin_when_the_series_can_be_differenced() {
        let mut model = built(json!({ "p": 1, "d": 1, "m": 3, "sd": 1 }));
        let mut riverlike = built(json!({ "p": 1, "d": 1, "m": 3, "sd": 1, "river_compat": true }));
        assert_eq!((model.forecast(2, &[]), riverlike.forecast(2, &[])), (vec![], vec![0.0, 0.0]));
        for k in 0..4 {
            assert!(model.forecast(1, &[]).is_empty());
            model.learn_one(f64::from(k), &[]);
        }
        assert_eq!(model.forecast(3, &[]), [4.0, 5.0, 6.0]);
    }

    #[test]
    fn an_exogenous_feature_is_used_in_learning_and_forecast() {
        let mut model = built(json!({ "p": 0, "regressor": "recursive_least_squares" }));
        for k in 0..300 {
            let ex = f64::from(k % 7);
            model.learn_one(5.0 * ex + 1.0, &[ex]);
        }
        let forecast = model.forecast(2, &[&[2.0], &[4.0]]);
        assert!((forecast[0] - 11.0).abs() < 1e-3 && (forecast[1] - 21.0).abs() < 1e-3, "{forecast:?}");
    }

    #[test]
    fn a_feature_named_as_a_lag_is_refused() {
        let build = Catalog::standard().build(&json!("snarimax"), &["m".into()], &Schema::new(["y-1"]), 7);
        assert!(build.unwrap_err()[0].to_string().contains("the exogenous feature `y-1` has the name of a lag"));
    }
}
