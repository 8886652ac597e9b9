//! What each column is, when rows begin, and that a restart changes nothing.

use serde_json::{Value, json};

use crate::learn::params::ParamError;
use crate::market::Candle;
use crate::operators::{Probe, minute_bars, standard_catalog};
use crate::processor::{EventKind, Known, NodeId, Port, Row};
use crate::record::Timestamp;

fn features(params: Value) -> Probe {
    Probe::of_candles("features", params).unwrap()
}

fn errors(params: Value) -> Vec<String> {
    let errors = Probe::of_candles("features", params).err().expect("the table is wrong");
    errors.iter().map(ParamError::to_string).collect()
}

/// The only column over bars with these closes.
fn column(params: Value, closes: &[f64]) -> Vec<f64> {
    let mut features = features(params);
    assert_eq!(features.columns().len(), 1);
    features.rows(minute_bars(closes)).iter().map(|row| row.values[0]).collect()
}

fn everything() -> Value {
    let windows = json!({ "mean": [3], "std": [3], "min": [2], "max": [2], "quantile": [{ "bars": 4, "q": 0.25 }] });
    json!({
        "calendar": ["weekday", "hour", "hour_sin", "hour_cos", "weekday_sin", "weekday_cos"], "ew": { "mean": [0.1, 0.5], "var": [0.5] },
        "volume_change": true, "body": true, "range": true, "rolling": { "volume": windows, "close": windows },
        "log_returns": [1], "returns": [5, 1], "differences": [1], "lags": { "volume": [1], "close": [1, 2, 5], "open": [1] },
        "columns": ["volume", "open", "high", "low", "close"],
        "rsi": [3], "macd": [{ "fast": 2, "slow": 4, "signal": 2 }], "bollinger": [{ "bars": 4 }], "atr": [3], "obv": true, "vwap_deviation": [3],
        "by_time": [{ "group": "weekday" }, { "group": "weekday", "how": "std", "ahead": 1 }],
        "polynomial": { "of": ["open", "close_lag_1", "return_1"], "interaction_only": true }
    })
}

/// A walk of closes without a pattern, above zero.
fn walk(bars: usize) -> Vec<f64> {
    (0..bars).map(|i| 100.0 + (i * i * 37 % 101) as f64 / 8.0).collect()
}

fn bits(rows: &[Row]) -> Vec<Vec<u64>> {
    rows.iter().map(|row| row.values.iter().map(|value| value.to_bits()).collect()).collect()
}

#[test]
fn columns_stand_in_their_fixed_order_whatever_order_the_table_has() {
    let names = [
        "volume open high low close open_lag_1 close_lag_1 close_lag_2 close_lag_5 volume_lag_1 difference_1 return_5 return_1 log_return_1",
        "close_mean_3 close_std_3 close_min_2 close_max_2 close_quantile_0.25_4 volume_mean_3 volume_std_3 volume_min_2 volume_max_2",
        "volume_quantile_0.25_4 range body volume_change",
        "close_ew_mean_0.1 close_ew_mean_0.5 close_ew_var_0.5 weekday hour hour_sin hour_cos weekday_sin weekday_cos",
        "rsi_3 macd_2_4 macd_signal_2_4_2 macd_histogram_2_4_2 bollinger_b_4_2 bollinger_width_4_2 atr_3 obv vwap_deviation_3",
        "return_mean_by_weekday return_std_by_weekday_ahead_1 open*close_lag_1 open*return_1 close_lag_1*return_1",
    ];
    assert_eq!(features(everything()).columns().join(" "), names.join(" "));
}

#[test]
fn lags_differences_and_returns_look_back_so_many_bars() {
    let closes = [100.0, 110.0, 99.0, 198.0];
    assert_eq!(column(json!({ "lags": { "close": [2] } }), &closes), [100.0, 110.0]);
    assert_eq!(column(json!({ "lags": { "open": [1] } }), &closes), [100.0, 100.0, 110.0]);
    assert_eq!(column(json!({ "differences": [1] }), &closes), [10.0, -11.0, 99.0]);
    assert_eq!(column(json!({ "returns": [1] }), &closes)[2], 1.0);
    assert_eq!(column(json!({ "returns": [2] }), &closes)[0], 99.0 / 100.0 - 1.0);
    assert_eq!(column(json!({ "log_returns": [1] }), &closes)[2], libm::log(2.0));
}

#[test]
fn numbers_of_the_bar_itself() {
    let mut bar = minute_bars(&[110.0]).remove(0);
    (bar.open, bar.high, bar.low) = (100.0, 121.0, 99.0);
    let one = |params| features(params).rows([bar.clone()])[0].values.to_vec();
    assert_eq!(one(json!({ "columns": ["open", "high", "low", "close", "volume"] })), [100.0, 121.0, 99.0, 110.0, 1.0]);
    assert_eq!(one(json!({ "range": true, "body": true })), [0.2, 110.0 / 100.0 - 1.0]);
    assert_eq!(one(json!({ "calendar": ["hour", "weekday"] })), [22.0, 1.0]);
}

#[test]
fn rolling_statistics_cover_the_newest_bars_this_one_included() {
    let closes = [1.0, 5.0, 3.0, 10.0];
    let rolling = |statistic: &str, bars: usize| column(json!({ "rolling": { "close": { statistic: [bars] } } }), &closes);
    assert_eq!(rolling("mean", 3), [3.0, 6.0]);
    assert_eq!(rolling("std", 3), [2.0, 13.0f64.sqrt()]);
    assert_eq!(rolling("min", 2), [1.0, 3.0, 3.0]);
    assert_eq!(rolling("max", 3), [5.0, 10.0]);
    let quantile = |q: f64| column(json!({ "rolling": { "close": { "quantile": [{ "bars": 3, "q": q }] } } }), &closes);
    assert_eq!([quantile(0.0), quantile(0.5), quantile(0.75)], [[1.0, 3.0], [3.0, 5.0], [4.0, 7.5]]);
}

#[test]
fn a_rolling_statistic_depends_on_its_window_alone() {
    let params = json!({ "rolling": { "close": { "mean": [20], "std": [20], "quantile": [{ "bars": 20 }] } } });
    let closes: Vec<f64> = walk(500).iter().map(|close| close / 3.0).collect();
    let long = features(params.clone()).rows(minute_bars(&closes));
    for start in [0, 1, 77, 480] {
        let short = features(params.clone()).rows(minute_bars(&closes[start..]));
        assert_eq!(bits(&short), bits(&long[start..]), "from bar {start}");
    }
}

#[test]
fn weighted_means_begin_with_the_first_close() {
    assert_eq!(column(json!({ "ew": { "mean": [0.5] } }), &[8.0, 4.0, 6.0]), [8.0, 6.0, 6.0]);
    assert_eq!(column(json!({ "ew": { "mean": [1] } }), &[8.0, 4.0]), [8.0, 4.0]);
    // Squares 64, 16, 36 fade to 64, 40, 38; less the squares of 8, 6, 6.
    assert_eq!(column(json!({ "ew": { "var": [0.5] } }), &[8.0, 4.0, 6.0]), [0.0, 4.0, 2.0]);
    let far = column(json!({ "ew": { "var": [0.5] } }), &[1e9 + 8.0, 1e9 + 4.0, 1e9 + 6.0]);
    assert_eq!(far, [0.0, 4.0, 2.0], "a large price costs no digits");
}

#[test]
fn volume_change_is_absent_after_a_bar_without_volume_and_the_row_still_comes() {
    let mut bars = minute_bars(&[1.0; 4]);
    for (bar, volume) in bars.iter_mut().zip(["2", "0", "3", "6"]) {
        bar.volume = volume.parse().unwrap();
    }
    let values: Vec<f64> = features(json!({ "volume_change": true })).rows(bars).iter().map(|row| row.values[0]).collect();
    assert_eq!((values[0], values[2], values.len()), (-1.0, 1.0, 3));
    assert!(values[1].is_nan());
}

#[test]
fn rows_begin_when_every_column_has_its_history() {
    let mut params = json!({ "lags": { "close": [5] }, "rolling": { "open": { "max": [3] } } });
    assert_eq!(features(params.clone()).rows(minute_bars(&[1.0; 9])).len(), 4);
    params["incomplete"] = json!("forward");
    let rows = features(params).rows(minute_bars(&[1.0; 9]));
    let absent: Vec<[bool; 2]> = rows.iter().map(|row| [row.values[0].is_nan(), row.values[1].is_nan()]).collect();
    assert_eq!(absent[..6], [[true, true], [true, true], [true, false], [true, false], [true, false], [false, false]]);
}

#[test]
fn a_row_carries_its_bar_and_leaves_at_its_close_time() {
    let mut features = features(json!({ "columns": ["open"] }));
    let bar = minute_bars(&[3.0, 4.0]).remove(1);
    let out = features.push(crate::processor::Event::Candle(bar.clone()));
    assert_eq!((out.items[0].timestamp, out.items[0].step), (bar.close_time, 0));
    let crate::processor::Event::Row(row) = &out.items[0].event else { panic!("{out:?}") };
    assert_eq!((row.open_time, row.close_time, row.open, row.close), (bar.open_time, bar.close_time, 3.0, 4.0));
}

#[test]
fn columns_say_when_they_are_known() {
    let known = |port: &Port| -> Vec<String> {
        let before = port.columns.iter().filter(|column| column.known == Known::BeforeClose);
        before.map(|column| column.name.clone()).collect()
    };
    let mut table = everything();
    table["rolling"]["high"] = json!({ "max": [4] });
    let lags = "open high low open_lag_1 close_lag_1 close_lag_2 close_lag_5 volume_lag_1 high_max_4";
    let calendar = "weekday hour hour_sin hour_cos weekday_sin weekday_cos";
    let others = "atr_3 return_mean_by_weekday open*close_lag_1";
    assert_eq!(known(features(table.clone()).port()).join(" "), format!("{lags} {calendar} {others}"));

    let sessions = Port::of(&[EventKind::Candle]);
    let refused = Probe::build(&standard_catalog(), "features", &table, NodeId(1), &sessions).err().unwrap();
    assert!(refused[0].to_string().starts_with("processors.features.by_time.1.ahead: nobody knows when"), "{refused:?}");
    table["by_time"].as_array_mut().unwrap().pop();
    let of_sessions = Probe::build(&standard_catalog(), "features", &table, NodeId(1), &sessions).unwrap();
    assert_eq!(
        known(of_sessions.port()).join(" "),
        format!("{lags} atr_3 open*close_lag_1"),
        "nobody knows when a session will close"
    );
}

#[test]
fn what_is_said_to_be_known_before_the_close_does_not_change_with_the_close() {
    let mut table = everything();
    table["rolling"]["low"] = json!({ "mean": [4] });
    let last_values = |close: f64, volume: &str| {
        let mut bars = minute_bars(&walk(10));
        let last: &mut Candle = bars.last_mut().unwrap();
        (last.close, last.volume) = (close, volume.parse().unwrap());
        features(table.clone()).rows(bars).pop().unwrap().values
    };
    let (middle, low, high) = (last_values(105.0, "1"), last_values(0.5, "0.5"), last_values(500.0, "77"));
    let columns = features(table.clone()).port().columns.clone();
    for (i, column) in columns.iter().enumerate() {
        let unchanged = middle[i] == low[i] && middle[i] == high[i];
        assert_eq!(column.known == Known::BeforeClose, unchanged, "{}", column.name);
    }
}

#[test]
fn indicators_are_those_of_the_library_over_the_bars() {
    use crate::learn::feature_extraction::{Atr, Macd, Obv, Rsi};
    let mut bars = minute_bars(&walk(60));
    for (k, bar) in bars.iter_mut().enumerate() {
        (bar.high, bar.low) = (bar.high + (k % 3) as f64, bar.low - (k % 5) as f64 / 4.0);
        bar.volume = format!("{}", 1 + k * 7 % 11).parse().unwrap();
    }
    let table =
        json!({ "rsi": [5], "macd": [{ "fast": 3, "slow": 7, "signal": 4 }], "atr": [6], "obv": true, "incomplete": "forward" });
    let rows = features(table).rows(bars.clone());
    let (mut rsi, mut macd, mut atr, mut obv) = (Rsi::new(5), Macd::new(3, 7, 4), Atr::new(6), Obv::default());
    for (row, bar) in rows.iter().zip(&bars) {
        let lines = macd.update(bar.close);
        let expected = [
            rsi.update(bar.close),
            lines.line,
            lines.signal,
            lines.histogram(),
            atr.update(bar.high, bar.low, bar.close),
            obv.update(bar.close, bar.volume.to_f64()),
        ];
        let expected: Vec<u64> = expected.iter().map(|value| value.unwrap_or(f64::NAN).to_bits()).collect();
        assert_eq!(row.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), expected);
    }
    assert!(rows.last().unwrap().values.iter().all(|value| value.is_finite()));
}

#[test]
fn bands_and_weighted_prices_are_those_of_the_window() {
    // 2 4 4 4 5 5 7 9: mean 5, population deviation 2; the close 9 stands on the upper of two bands of two deviations.
    let closes = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
    let rows = features(json!({ "bollinger": [{ "bars": 8, "width": 2.0 }] })).rows(minute_bars(&closes));
    assert_eq!(rows.iter().map(|row| row.values.to_vec()).collect::<Vec<_>>(), [[1.0, 1.6]]);
    let mut bars = minute_bars(&[10.0, 20.0, 20.0]);
    for (bar, volume) in bars.iter_mut().zip(["3", "1", "0"]) {
        (bar.open, bar.high, bar.low, bar.volume) = (bar.close, bar.close, bar.close, volume.parse().unwrap());
    }
    // (10 * 3 + 20 * 1) / 4 = 12.5, then 20 alone.
    let rows = features(json!({ "vwap_deviation": [2] })).rows(bars);
    assert_eq!(rows.iter().map(|row| row.values[0]).collect::<Vec<_>>(), [20.0 / 12.5 - 1.0, 0.0]);
}

#[test]
fn what_was_usual_at_a_time_knows_nothing_of_its_own_bar() {
    // The bars close at 22:14 and so on: all in one hour of the day; returns 1, -0.5, 1.
    let closes = [1.0, 2.0, 1.0, 2.0];
    let table = |ahead: usize| json!({ "by_time": [{ "group": "hour", "ahead": ahead }], "incomplete": "forward" });
    let own = column(table(0), &closes);
    assert!(own[0].is_nan() && own[1].is_nan(), "{own:?}");
    assert_eq!(own[2..], [1.0, 0.25]);
    let next = column(table(1), &closes);
    assert_eq!(next[1..], [1.0, 0.25, 0.5], "for the bar ahead this one's return counts");
    // 47 bars ahead of 22:14 close at 23:01.
    assert!(column(table(47), &closes).iter().all(|value| value.is_nan()), "nothing is known of the hour from 23:00 on");
}

#[test]
fn products_multiply_columns() {
    let table = json!({ "columns": ["open", "close"], "polynomial": { "of": ["close", "open"], "degree": 3 } });
    let mut node = features(table);
    assert_eq!(
        node.columns()[2..].join(" "),
        "close*close close*open open*open close*close*close close*close*open close*open*open open*open*open"
    );
    let row = node.rows(minute_bars(&[2.0, 3.0])).pop().unwrap();
    assert_eq!(*row.values, [2.0, 3.0, 9.0, 6.0, 4.0, 27.0, 18.0, 12.0, 8.0]);
}

#[test]
fn what_indicators_cannot_be_is_told_with_its_place() {
    let table = json!({
        "rsi": [14, 14], "macd": [{}, { "fast": 26, "slow": 26 }], "polynomial": { "of": ["rsi_14", "rsi_41", "rsi_14"], "degree": 3 }
    });
    let told = errors(table);
    let expected = [
        "processors.features.rsi: the column rsi_14 stands twice",
        "processors.features.macd.1.fast: the fast average is no faster than the slow one: 26 and 26 bars; expected less than 26",
        "processors.features.polynomial.of.1: unknown column `rsi_41`",
        "processors.features.polynomial.of.2: column `rsi_14` is listed twice",
    ];
    let found = |text: &&str| told.iter().any(|told| told.starts_with(*text));
    assert!(expected.iter().all(found) && told.len() == expected.len(), "{told:#?}");
    let lags: Vec<usize> = (1..200).collect();
    let of: Vec<String> = lags.iter().map(|lag| format!("close_lag_{lag}")).collect();
    let many = errors(json!({ "lags": { "close": lags }, "polynomial": { "of": of } }));
    assert!(many[0].contains("are too many; expected at most 1000 columns"), "{many:?}");
}

#[test]
fn a_restart_at_any_bar_changes_nothing() {
    let bars = minute_bars(&walk(40));
    let straight = features(everything()).rows(bars.clone());
    assert_eq!(straight.len(), 35);
    for at in 0..bars.len() {
        let mut crashed = features(everything());
        let mut rows = crashed.rows(bars[..at].to_vec());
        crashed.restart();
        rows.extend(crashed.rows(bars[at..].to_vec()));
        assert_eq!(bits(&rows), bits(&straight), "restart before bar {at}");
    }
}

#[test]
fn wrong_tables_are_told_with_their_place() {
    assert_eq!(
        errors(json!({})),
        [
            "processors.features: this node has no columns; expected at least one; write for instance lags = { close = [1, 2, 5] } or returns = [1]"
        ]
    );
    assert_eq!(
        errors(json!({ "returns": [1, 1], "rolling": { "close": { "mean": [5, 5] } } })),
        [
            "processors.features.returns: the column return_1 stands twice; expected every column once",
            "processors.features.rolling: the column close_mean_5 stands twice; expected every column once"
        ]
    );
    let ranges = errors(json!({ "lags": { "close": [0] }, "rolling": { "close": { "std": [1] } }, "ew": { "mean": [0] } }));
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    assert!(errors(json!({ "lags": { "price": [1] } }))[0].contains("processors.features.lags.price: unknown parameter"));
    assert!(errors(json!({ "calendar": ["month"] }))[0].contains("expected one of hour, weekday"));
}

#[test]
fn a_node_with_two_parents_or_none_is_refused() {
    let nothing = Port::of(&[EventKind::Trade]);
    let error = Probe::build(&standard_catalog(), "features", &json!({ "body": true }), NodeId(1), &nothing).err().unwrap();
    assert_eq!(
        error[0].to_string(),
        "processors.features.parents: parent gives no candles; expected a parent that gives candles"
    );
}

#[test]
fn times_before_1970_have_an_hour_too() {
    let mut bar = minute_bars(&[1.0]).remove(0);
    (bar.open_time, bar.close_time) = (Timestamp(-3_600_001), Timestamp(-1));
    assert_eq!(features(json!({ "calendar": ["hour"] })).rows([bar])[0].values[0], 23.0);
}
