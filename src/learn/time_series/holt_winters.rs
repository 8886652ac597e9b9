//! Exponential smoothing with trend and season.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::{Forecaster, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, child},
        stats::exact_mean,
    },
};

crate::params! {
    /// Parameters of [`HoltWinters`].
    pub struct HoltWintersParams {
        /// How fast the level follows the series.
        alpha: f64 = 0.3, in 0.0..=1.0;
        /// How fast the trend follows the level; "none" has no trend.
        beta: Option<f64> = None, in 0.0..=1.0;
        /// How fast the season follows the series; needs a season and a trend.
        gamma: Option<f64> = None, in 0.0..=1.0;
        /// The length of a season; 0 has none.
        seasonality: usize = 0, in 0..=100_000, unit "records";
        /// Whether the season multiplies the level; else it is added.
        multiplicative: bool = false;
        /// Begin an added season with the ratios to the level, as River does, instead of the distances from it.
        river_compat: bool = false;
    }
}

/// Holt-Winters smoothing: a level, a trend if `beta` is given, a season if `seasonality` is; each follows the series at its own pace.
///
/// The first `max(2, seasonality)` values set the start: the level is their mean, the trend their mean step, the season their place around the
/// level. Before that there is no forecast. A value that would drive a component out of the finite numbers moves no component, only the season on.
///
/// Memory: one number per step of the season.
///
/// Reference: P. R. Winters, "Forecasting sales by exponentially weighted moving averages", Management Science 6(3), 1960; River's
/// `time_series.HoltWinters`.
///
/// ```
/// use tidemill::learn::{base::Forecaster, time_series::{HoltWinters, HoltWintersParams}};
///
/// let params = HoltWintersParams { beta: Some(0.1), gamma: Some(0.2), seasonality: 4, ..HoltWintersParams::default() };
/// let mut model = HoltWinters::new(params);
/// for t in 0..200 {
///     model.learn_one(f64::from(t) + [0.0, 5.0, -5.0, 0.0][t as usize % 4], &[]);
/// }
/// let forecast: Vec<String> = model.forecast(3, &[]).iter().map(|y| format!("{y:.1}")).collect();
/// assert_eq!(forecast, ["200.0", "206.0", "197.0"]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoltWinters {
    params: HoltWintersParams,
    /// The values before the start.
    first: Vec<f64>,
    components: Option<Components>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Components {
    level: f64,
    trend: Option<f64>,
    /// The season of the last steps, a ring whose oldest value, that of the next step, stands at `next`.
    season: Vec<f64>,
    next: usize,
}

impl HoltWinters {
    /// A model that has seen nothing.
    pub fn new(params: HoltWintersParams) -> Self {
        HoltWinters { params, first: Vec::new(), components: None }
    }

    /// The start, from the first values.
    fn start(&self) -> Components {
        let level = exact_mean(&self.first);
        let steps: Vec<f64> = self.first.windows(2).map(|pair| finite(pair[1] - pair[0])).collect();
        let ratio = |y: f64| if level == 0.0 { 1.0 } else { finite(y / level) };
        let place = |y: &f64| if self.params.multiplicative || self.params.river_compat { ratio(*y) } else { finite(y - level) };
        let season = if self.params.seasonality > 0 { self.first.iter().map(place).collect() } else { Vec::new() };
        Components { level, trend: self.has_trend().then(|| exact_mean(&steps)), season, next: 0 }
    }

    /// A trend that never moves is none, as in River.
    fn has_trend(&self) -> bool {
        self.params.beta.is_some_and(|beta| beta > 0.0)
    }
}

impl Components {
    /// The level, trend and season after `y`; not finite where they overflow.
    fn after(&self, y: f64, params: &HoltWintersParams) -> (f64, f64, f64) {
        let season = self.season.get(self.next).copied();
        let trend = self.trend.unwrap_or(0.0);
        let (alpha, beta, gamma) = (params.alpha, params.beta.unwrap_or(0.0), params.gamma.unwrap_or(0.0));
        let without_season = match season {
            Some(factor) if params.multiplicative => y / factor,
            Some(distance) => y - distance,
            None => y,
        };
        let level = alpha * without_season + (1.0 - alpha) * (self.level + trend);
        let next_trend = beta * (level - self.level) + (1.0 - beta) * trend;
        let next_season = match season {
            Some(factor) if params.multiplicative => gamma * y / (self.level + trend) + (1.0 - gamma) * factor,
            Some(distance) => gamma * (y - self.level - trend) + (1.0 - gamma) * distance,
            None => 0.0,
        };
        (level, next_trend, next_season)
    }
}

impl Forecaster for HoltWinters {
    fn learn_one(&mut self, y: f64, _x: &[f64]) {
        if !y.is_finite() {
            return;
        }
        let Some(components) = &mut self.components else {
            self.first.push(y);
            if self.first.len() >= self.params.seasonality.max(2) {
                self.components = Some(self.start());
                self.first = Vec::new();
            }
            return;
        };
        let (level, trend, season) = components.after(y, &self.params);
        let taken = level.is_finite() && trend.is_finite() && season.is_finite();
        if taken {
            components.level = level;
            components.trend = components.trend.map(|_| trend);
        }
        if let Some(place) = components.season.get_mut(components.next) {
            *place = if taken { season } else { *place };
            components.next = (components.next + 1) % components.season.len();
        }
    }

    fn forecast(&mut self, horizon: usize, _xs: &[&[f64]]) -> Vec<f64> {
        let Some(Components { level, trend, season, next }) = &self.components else {
            return Vec::new();
        };
        let step = |h: usize| {
            let line = level + (h + 1) as f64 * trend.unwrap_or(0.0);
            finite(match season.len() {
                0 => line,
                steps if self.params.multiplicative => finite(line) * season[(next + h) % steps],
                steps => finite(line) + season[(next + h) % steps],
            })
        };
        (0..horizon).map(step).collect()
    }

    fn clone_fresh(&self) -> Box<dyn Forecaster> {
        Box::new(HoltWinters::new(self.params.clone()))
    }
}

impl Component for HoltWinters {
    type Params = HoltWintersParams;
    const NAME: &'static str = "holt_winters";
    const SUMMARY: &'static str = "exponential smoothing of level, trend and season";
    const REFERENCE: &'static str = "Winters, Management Science 6(3), 1960; River, time_series.HoltWinters";

    fn examples() -> Vec<Value> {
        let seasonal = json!({ "alpha": 0.3, "beta": 0.1, "gamma": 0.6, "seasonality": 12 });
        let mut multiplicative = seasonal.clone();
        multiplicative["multiplicative"] = json!(true);
        let others = [json!({ "beta": 0.1 }), seasonal, multiplicative];
        [Value::from(Self::NAME)].into_iter().chain(others.map(|params| json!({ Self::NAME: params }))).collect()
    }

    fn build(params: HoltWintersParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let conflict = |key: &str, message: &str, expected: &str| {
            Err(vec![ParamError::new(ParamErrorKind::Conflict, &child(on.path, key), message, expected)])
        };
        match (params.seasonality, params.beta, params.gamma) {
            (1, ..) => conflict("seasonality", "a season of one record is the level", "0, or 2 and more"),
            (2.., _, None) => conflict("seasonality", "a season without gamma never moves", "gamma too"),
            (_, None, Some(_)) => conflict("gamma", "a season needs a trend", "beta too"),
            _ => Ok(HoltWinters::new(params)),
        }
    }
}

impl_snapshot!(HoltWinters);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_goes_on_when_a_value_cannot_be_taken() {
        let params = HoltWintersParams {
            beta: Some(0.1),
            gamma: Some(0.5),
            seasonality: 2,
            multiplicative: true,
            ..HoltWintersParams::default()
        };
        let mut model = HoltWinters::new(params);
        // The season of the first phase is 0: no value of that phase can be divided by it.
        for k in 0..40 {
            model.learn_one(if k % 2 == 0 { 0.0 } else { 8.0 }, &[]);
        }
        let forecast = model.forecast(2, &[]);
        assert!(forecast[0] == 0.0 && forecast[1] > 6.0, "{forecast:?}");
    }
}
