//! What an evaluator's table may say.

use super::tally::Measure;
use crate::learn::params::Duration;

crate::choices! {
    /// The measure by which models are compared, in price units; models with target direction are compared by directional accuracy.
    pub enum ChampionMetric {
        /// Mean absolute error.
        Mae = "mae",
        /// Root mean squared error.
        Rmse = "rmse",
        /// Symmetric mean absolute percentage error.
        Smape = "smape",
    }
}

crate::params! {
    /// How the champion of each horizon is found.
    pub struct ChampionParams {
        /// What is compared.
        metric: ChampionMetric = ChampionMetric::Mae;
        /// Over the questions due in the last so much event time; the evaluator's window where it is left out.
        window: Option<Duration> = None, in Duration::from_ms(1)..;
        /// By which share a challenger must be better than the champion to take its place: 0.02 is 2 %.
        hysteresis: f64 = 0.02, in 0.0..1.0;
        /// Questions in the window before a model may lead.
        min_questions: u64 = 30, in 1..;
    }
}

crate::params! {
    /// Parameters of an evaluator.
    pub struct EvaluatorParams {
        /// How much event time the rolling measures cover.
        window: Duration = Duration::from_ms(86_400_000), in Duration::from_ms(1)..;
        /// How often evaluations are put out, in event time, at multiples of it.
        every: Duration = Duration::from_ms(3_600_000), in Duration::from_ms(1)..;
        /// How the champion of each horizon is found.
        champion: ChampionParams = ChampionParams::default();
    }
}

impl ChampionMetric {
    /// The measure it stands for.
    pub(super) fn measure(self) -> Measure {
        match self {
            ChampionMetric::Mae => Measure::Mae,
            ChampionMetric::Rmse => Measure::Rmse,
            ChampionMetric::Smape => Measure::Smape,
        }
    }
}
