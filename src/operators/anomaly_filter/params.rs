//! What an anomaly filter's table may say.

use serde_json::Value;

use crate::learn::anomaly::{AnomalyRule, QuantileRule};
use crate::market::Candle;

crate::choices! {
    /// What is done with an anomaly.
    pub enum AnomalyAction {
        /// It is not passed on: nothing further down learns from it, is asked at it, or is answered by it.
        Drop = "drop",
        /// It is passed on all the same, and told.
        Pass = "pass",
    }
}

crate::choices! {
    /// A number of a candle that can be judged.
    pub enum CandleMeasure {
        /// Close over the close of the last candle passed on, minus 1.
        Return = "return",
        /// High minus low, over close.
        Range = "range",
        /// Close over open, minus 1.
        Body = "body",
        /// Volume in the base coin.
        Volume = "volume",
    }
}

impl CandleMeasure {
    /// Every measure.
    pub(super) const ALL: [CandleMeasure; 4] =
        [CandleMeasure::Return, CandleMeasure::Range, CandleMeasure::Body, CandleMeasure::Volume];

    /// Its value; NaN where it is absent. `last` is the close of the last candle passed on.
    pub(super) fn of(self, candle: &Candle, last: Option<f64>) -> f64 {
        let value = match self {
            CandleMeasure::Return => last.map_or(f64::NAN, |last| candle.close / last - 1.0),
            CandleMeasure::Range => (candle.high - candle.low) / candle.close,
            CandleMeasure::Body => candle.close / candle.open - 1.0,
            CandleMeasure::Volume => candle.volume.to_f64(),
        };
        if value.is_finite() { value } else { f64::NAN }
    }
}

crate::params! {
    /// Parameters of `anomaly_filter`.
    pub struct AnomalyFilterParams {
        required {
            /// The anomaly detector: a name of the catalogue, or an object with the name as its only key and the detector's parameters as its value.
            detector: Value;
        }
        /// What is judged: of candles any of return, range, body, volume; of rows columns by name. Detectors of one number take exactly one. Left out, it
        /// is the return of candles, and all columns of rows.
        watch: Option<Vec<String>> = None;
        /// From which score on something is an anomaly.
        rule: AnomalyRule = AnomalyRule::Quantile(QuantileRule { q: 0.999, warm_up: 500 });
        /// What is done with an anomaly.
        action: AnomalyAction = AnomalyAction::Drop;
        /// Whether anomalies are kept from the detector too, so that they do not come to look usual.
        protect: bool = true;
        /// After so many anomalies in a row the last one is accepted as the new usual and passed on: a market that has really moved must not be shut out for
        /// ever. 0 never gives way.
        give_way_after: u32 = 5, in 0..=100_000, unit "anomalies";
    }
}
