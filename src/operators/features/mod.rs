//! `features`: turns each closed bar into a row of numbers that models can learn from.
//!
//! It knows the bars of one coin in the order they come; it does not know what a model makes of them, and it never looks ahead: a row holds nothing
//! that was unknown when its bar closed.

mod calendar;
mod columns;
mod history;
mod memory;
mod params;
mod recursive;
mod rolling;

pub use calendar::{Calendar, Group};
pub use columns::Field;
pub use params::{
    BollingerParams, ByTimeParams, FeaturesParams, Incomplete, Lags, PolynomialParams, Rolling, RollingQuantileParams, Weighted,
    Windows,
};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::columns::bar;
use self::memory::{Memory, Plan};
use self::recursive::Keeper;
use super::single_parent;
use crate::learn::params::{ParamError, Params};
use crate::market::Candle;
use crate::processor::{Build, Built, Context, Event, EventKind, EventKinds, Item, OperatorEntry, Port, Processor, Role, Row};
use crate::snapshot::{Snapshot, SnapshotError, decode, encode_into};

/// The catalogue entry of `features`.
pub fn entry() -> OperatorEntry {
    OperatorEntry {
        name: "features",
        role: Role::Processor,
        summary: "Turns each bar into a row of features: lags, returns, rolling statistics, indicators, calendar.",
        params: FeaturesParams::describe(),
        accepts: EventKinds::of(&[EventKind::Candle]),
        build: Arc::new(build),
    }
}

fn build(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let parent = single_parent(build, &[EventKind::Candle])?;
    let params = FeaturesParams::read(build.params, build.path)?;
    let plan = Arc::new(Plan::new(params.checked_features(build.path, parent.port.interval_ms)?));
    let mut port = Port::of(&[EventKind::Row]);
    port.interval_ms = parent.port.interval_ms;
    port.columns = columns::columns(&plan.features, port.interval_ms.is_some()).into();
    let skip = params.incomplete == Incomplete::Skip;
    let factory = Arc::new(move |_: &str| -> Box<dyn Processor> { Box::new(Features::new(plan.clone(), skip)) });
    Ok(Built { factory, port, params: params.to_value() })
}

/// Makes a row of each bar.
///
/// Takes candles, gives rows. Its parameters are [`FeaturesParams`]; the order of the columns is fixed:
///
/// | parameter | columns | known |
/// | --- | --- | --- |
/// | `columns = ["open", "volume"]` | `open`, `volume` | open, high, low before the close |
/// | `lags = { close = [1, 2] }` | `close_lag_1`, `close_lag_2` | before the close |
/// | `differences = [1]` | `difference_1` | at the close |
/// | `returns = [1, 5]` | `return_1`, `return_5` | at the close |
/// | `log_returns = [1]` | `log_return_1` | at the close |
/// | `rolling = { close = { mean = [5], std = [20] } }` | `close_mean_5`, `close_std_20` | as the field |
/// | `rolling = { low = { quantile = [{ bars = 60, q = 0.1 }] } }` | `low_quantile_0.1_60` | as the field |
/// | `range = true`, `body = true`, `volume_change = true` | `range`, `body`, `volume_change` | at the close |
/// | `ew = { mean = [0.1], var = [0.1] }` | `close_ew_mean_0.1`, `close_ew_var_0.1` | at the close |
/// | `calendar = ["hour", "hour_sin"]` | `hour`, `hour_sin` | before the close where all bars have one span |
/// | `rsi = [14]` | `rsi_14` | at the close |
/// | `macd = [{ fast = 12, slow = 26, signal = 9 }]` | `macd_12_26`, `macd_signal_12_26_9`, `macd_histogram_12_26_9` | at the close |
/// | `bollinger = [{ bars = 20, width = 2 }]` | `bollinger_b_20_2`, `bollinger_width_20_2` | at the close |
/// | `atr = [14]` | `atr_14` | before the close: it needs high and low only |
/// | `obv = true` | `obv` | at the close |
/// | `vwap_deviation = [30]` | `vwap_deviation_30` | at the close |
/// | `by_time = [{ group = "hour" }]` | `return_mean_by_hour` | before the close where all bars have one span; with `ahead` at the close |
/// | `polynomial = { of = ["range", "body"] }` | `range*range`, `range*body`, `body*body` | as the factor known last |
///
/// A row is forwarded once every column has the history it needs (`incomplete = "skip"`, the default), or from the first bar on with NaN for
/// what is absent (`"forward"`). Later on every bar gives its row, because a row also carries the close that answers questions: a value that
/// cannot be computed (`volume_change` after a bar without volume, an hour of which no bar has been yet) is NaN. Rolling statistics, Bollinger
/// bands and volume-weighted prices are functions of the bars in their windows alone; the others remember everything: exponentially weighted
/// means begin with the first close, Wilder's averages with the plain mean of their first values.
///
/// ```
/// use serde_json::json;
/// use tidemill::operators::{Probe, minute_bars};
///
/// let params = json!({ "lags": { "close": [1] }, "returns": [1], "rolling": { "close": { "mean": [3] } } });
/// let mut features = Probe::of_candles("features", params).unwrap();
/// let rows = features.rows(minute_bars(&[100.0, 110.0, 99.0, 99.0]));
///
/// assert_eq!(features.columns(), ["close_lag_1", "return_1", "close_mean_3"]);
/// assert_eq!(rows.len(), 2, "two bars of history had to come first");
/// assert_eq!(rows[0].values[0], 110.0);
/// assert!((rows[0].values[1] + 0.1).abs() < 1e-12);
/// assert_eq!(rows[0].values[2], 103.0);
/// assert_eq!((rows[1].close, rows[1].values[1]), (99.0, 0.0));
/// ```
struct Features {
    plan: Arc<Plan>,
    skip: bool,
    memory: Memory,
}

impl Features {
    fn new(plan: Arc<Plan>, skip: bool) -> Self {
        let memory = plan.memory();
        Features { plan, skip, memory }
    }

    fn take(&mut self, candle: &Candle) -> Option<Row> {
        let bar = bar(candle);
        self.memory.push(&bar, candle.close_time);
        if self.skip && self.memory.bars < self.plan.warm_up {
            return None;
        }
        let values = self.plan.values(&self.memory, &bar, candle);
        let Candle { open_time, close_time, open, close, .. } = *candle;
        Some(Row { open_time, close_time, open, close, values })
    }
}

impl Processor for Features {
    fn process(&mut self, item: &Item, ctx: &mut Context<'_>) {
        let Event::Candle(candle) = &item.event else { return };
        if let Some(row) = self.take(candle) {
            ctx.forward(row.close_time, Event::Row(row));
        }
    }
}

/// The state of [`Features`]: parameters are the topology's, so none are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    bars: u64,
    histories: Vec<Vec<f64>>,
    keepers: Vec<Keeper>,
}

impl Snapshot for Features {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.memory.kept(), out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let Kept { bars, histories, keepers } = decode(bytes)?;
        let restored = self.plan.restored(bars, &histories, keepers);
        self.memory = restored.ok_or_else(|| SnapshotError::Decode("the state has other columns than this node".to_owned()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
