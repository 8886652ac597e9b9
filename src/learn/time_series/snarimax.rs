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
        compose::{SeenRange, load_parts, save_parts},
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
        /// only key; "none" means linear regression on scaled features and a scaled target, with shrinking steps.
        regressor: Option<Value> = None;
        /// Do as River does, which diverges on prices: forecast from the first record on, taking what is not known yet for 0, keep no bounds, and
        /// let "none" mean River's default, linear regression on scaled features in steps of fixed length.
        river_compat: bool = false;
    }
}

/// SNARIMAX: the series is differenced, and a regressor learns its value from its own past, from past errors, from both a season ago and from exogenous
/// features; nonlinear with a nonlinear regressor. Forecasts feed themselves back, take future errors for 0 and undo the differencing.
///
/// Features are, in this order, the exogenous ones, `y-1` … `y-p`, `sy-m` … (a season apart), `e-1` … `e-q`, `se-m` …; absent while the history does
/// not reach them. Nothing is learned before `d + m * sd` values are known. With River's parameters and `river_compat` the numbers are River's.
///
/// Past errors are features, so a model that overshoots once learns from its own overshoot next: with River's regressor this ends in forecasts that are
/// 1e9 times as far off as naive ones, on any recorded prices. Two things keep ours with the series. The default regressor learns a target of deviation
/// 1 and follows a gradient of 1 at most, in steps that shrink as gradients add up (AdaGrad), so that neither the unit of the prices nor a jump makes
/// it overshoot. And whatever any regressor says of a difference is cut to the range of the differences so far, widened by its width on either side; so
/// forecasts of many steps grow no faster than the series has grown, although lags whose weights sum to more than 1 feed themselves.
///
/// On prices, which nothing forecasts, expect with `d = 1` an error up to 0.3 % above naive's at `p = q = 1` and up to 2 % at 12, because every weight
/// costs noise. Prices that are not differenced cost up to 20 %: the model first has to learn that the next price is like the last. A seasonal
/// difference of a series without a season costs as much.
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
    /// Of the differences.
    seen: SeenRange,
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
        let history = History { shape, values: empty(), differences: empty(), errors: empty(), seen: SeenRange::default() };
        Snarimax { history, regressor, work: Work::default() }
    }
}

impl Forecaster for Snarimax {
    fn learn_one(&mut self, y: f64, x: &[f64]) {
        if !y.is_finite() {
            return;
        }
        let History { shape, values, differences, errors, seen } = &mut self.history;
        let lags = shape.differencer.lags();
        if values.len() >= lags {
            let features = &mut self.work.x;
            shape.fill(x, differences, errors, features);
            let difference = finite(shape.differencer.difference(y, values));
            let error = finite(difference - seen.bound(self.regressor.predict_one(features), 1.0));
            if !shape.river_compat {
                seen.take(difference);
            }
            remember(differences, shape.p.max(shape.m * shape.sp), difference);
            remember(errors, shape.q.max(shape.m * shape.sq), error);
            self.regressor.learn_one(features, difference);
        }
        // One value is kept even where none is needed to difference: it tells that the series has begun.
        remember(values, lags.max(1), y);
    }

    fn forecast(&mut self, horizon: usize, xs: &[&[f64]]) -> Vec<f64> {
        let History { shape, values, differences, errors, seen } = &self.history;
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
            let difference = seen.bound(finite(self.regressor.predict_one(&work.x)), 1.0);
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

/// What learns where nothing is named.
fn default_regressor(river_compat: bool) -> Value {
    let linear = |params: Value| json!({ "linear_regression": params });
    if river_compat {
        return scaled(json!({ "standard_scaler": { "river_compat": true } }), linear(json!({ "river_compat": true })));
    }
    let safe = json!({ "optimizer": { "ada_grad": { "learning_rate": 0.05 } }, "intercept_lr": 0.001, "clip_gradient": 1.0 });
    json!({ "target_standard_scaler": { "regressor": scaled("standard_scaler".into(), linear(safe)) } })
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
        let regressor = params.regressor.unwrap_or_else(|| default_regressor(params.river_compat));
        let regressor = on.catalog.regressor(&regressor, &child(on.path, "regressor"), &schema, on.seed)?;
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

    /// Mean error of the forecasts of the next value and of the twelfth, each as a multiple of naive's.
    fn beside_naive(model: &mut dyn Forecaster, series: &[f64]) -> [f64; 2] {
        let (mut ours, mut naive) = ([0.0; 2], [0.0; 2]);
        for (k, ys) in series.windows(13).enumerate() {
            model.learn_one(ys[0], &[]);
            let forecast = model.forecast(12, &[]);
            for (i, ahead) in [1, 12].into_iter().enumerate().filter(|_| k > 1) {
                ours[i] += (forecast[ahead - 1] - ys[ahead]).abs();
                naive[i] += (ys[0] - ys[ahead]).abs();
            }
        }
        [ours[0] / naive[0], ours[1] / naive[1]]
    }

    /// Prices in a random walk, which every 400 records go up threefold or come back down.
    fn jumping_prices() -> Vec<f64> {
        let (mut random, mut price) = (crate::learn::random::Random::new(5), 100.0);
        let next = |k: u32| {
            price *= 1.0 + random.uniform(-0.004, 0.004);
            match k % 800 {
                399 => price *= 3.0,
                799 => price /= 3.0,
                _ => {}
            }
            price
        };
        (0..6_000).map(next).collect()
    }

    #[test]
    fn on_prices_that_jump_the_error_stays_below_twice_naives_and_rivers_does_not() {
        let series = jumping_prices();
        for shape in [json!({ "p": 1, "d": 1, "q": 1 }), json!({ "p": 5, "d": 1, "q": 1 }), json!({ "p": 12, "d": 1, "q": 12 })] {
            let found = beside_naive(&mut *built(shape.clone()), &series);
            assert!(found.iter().all(|ratio| *ratio < 2.0), "{shape}: {found:?}");
            let mut compat = shape.clone();
            compat["river_compat"] = json!(true);
            let found = beside_naive(&mut *built(compat), &series);
            assert!(found.iter().all(|ratio| *ratio > 1e6), "{shape} as River: {found:?}");
            let mut bounded = shape.clone();
            bounded["regressor"] = scaled("standard_scaler".into(), "linear_regression".into());
            let found = beside_naive(&mut *built(bounded), &series);
            assert!(found.iter().all(|ratio| *ratio < 1e4), "{shape} with River's regressor within bounds: {found:?}");
        }
    }

    #[test]
    fn the_unit_of_the_series_changes_nothing_but_the_unit() {
        let unit = f64::from(1 << 20);
        let mut models = [1.0, unit].map(|unit| {
            let mut model = built(json!({ "p": 3, "d": 1, "q": 2 }));
            jumping_prices().iter().for_each(|y| model.learn_one(y * unit, &[]));
            model.forecast(5, &[])
        });
        models[0].iter_mut().for_each(|y| *y *= unit);
        assert_eq!(models[0], models[1]);
    }

    #[test]
    fn a_series_that_can_be_forecast_is_learned() {
        let (mut random, mut past) = (crate::learn::random::Random::new(2), [0.0; 2]);
        let next = |_| {
            past = [1.2 * past[0] - 0.5 * past[1] + random.uniform(-1.0, 1.0), past[0]];
            100.0 + past[0]
        };
        let series: Vec<f64> = (0..3_000).map(next).collect();
        let [one, twelve] = beside_naive(&mut *built(json!({ "p": 12, "d": 1, "q": 12 })), &series);
        assert!(one < 0.93 && twelve < 0.85, "{one} {twelve}");
    }

    #[test]
    fn a_feature_named_as_a_lag_is_refused() {
        let build = Catalog::standard().build(&json!("snarimax"), &["m".into()], &Schema::new(["y-1"]), 7);
        assert!(build.unwrap_err()[0].to_string().contains("the exogenous feature `y-1` has the name of a lag"));
    }
}
