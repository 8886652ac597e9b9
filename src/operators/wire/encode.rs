//! Events to JSON bytes: one function a kind of record, written by hand because this is the hottest code of the sink.

use super::json::{push_bool, push_escaped, push_f64, push_int, push_null, push_optional_f64, push_plain, push_str};
use super::{WireContext, push_window};
use crate::market::{Candle, Trade};
use crate::processor::{Anomaly, Answer, ChampionChange, Drift, Evaluation, Event, Measures, Prediction, Row};

/// Longest prediction of ordinary names: one growth of the buffer instead of several.
const USUAL_BYTES: usize = 512;

/// The name of a field with what stands around it, as one literal: `,"name":`.
macro_rules! name {
    ($out:expr, $name:literal) => {
        $out.extend_from_slice(concat!(",\"", $name, "\":").as_bytes())
    };
    ($out:expr, first $name:literal) => {
        $out.extend_from_slice(concat!("{\"", $name, "\":").as_bytes())
    };
}

/// Appends `event` to `out` as one JSON object without white space, its fields in the order of [`fields`](super::fields).
///
/// Nothing is allocated besides the growth of `out`. A number that is not finite (models and operators let none through) becomes `null`.
pub fn encode(event: &Event, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    out.reserve(USUAL_BYTES);
    match event {
        Event::Candle(candle) => encode_candle(candle, ctx, out),
        Event::Trade(trade) => encode_trade(trade, ctx, out),
        Event::Row(row) => encode_row(row, ctx, out),
        Event::Prediction(prediction) => encode_prediction(prediction, ctx, out),
        Event::Answer(answer) => encode_answer(answer, ctx, out),
        Event::Evaluation(evaluation) => encode_evaluation(evaluation, ctx, out),
        Event::Champion(change) => encode_champion(change, ctx, out),
        Event::Drift(drift) => encode_drift(drift, ctx, out),
        Event::Anomaly(anomaly) => encode_anomaly(anomaly, ctx, out),
    }
    out.push(b'}');
}

fn encode_prediction(p: &Prediction, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    push_question(p, ctx, out);
    name!(out, "nowcast");
    push_bool(out, p.nowcast);
    name!(out, "champion");
    match p.champion {
        Some(champion) => push_bool(out, champion),
        None => push_null(out),
    }
    push_origin(ctx, out);
}

/// The input record that an event comes from.
fn push_origin(ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    name!(out, "source");
    name!(out, first "topic");
    push_str(out, &ctx.source.topic);
    name!(out, "partition");
    push_int(out, ctx.source.partition);
    name!(out, "offset");
    push_int(out, ctx.offset.0);
    out.push(b'}');
}

fn encode_answer(answer: &Answer, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    push_question(&answer.question, ctx, out);
    name!(out, "nowcast");
    push_bool(out, answer.question.nowcast);
    name!(out, "truth");
    push_f64(out, answer.truth);
    name!(out, "label");
    push_f64(out, answer.label);
}

/// What a prediction and an answer share: from the id to the interval.
fn push_question(p: &Prediction, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    name!(out, first "id");
    push_id(p, ctx, out);
    name!(out, "coin");
    push_str(out, ctx.coin);
    name!(out, "model");
    push_str(out, ctx.name(p.model));
    name!(out, "model_version");
    push_int(out, p.version);
    name!(out, "target");
    push_plain(out, p.target.name());
    name!(out, "horizon_ms");
    push_int(out, p.horizon_ms);
    name!(out, "asked_at");
    push_int(out, p.asked_at.0);
    name!(out, "due_at");
    push_int(out, p.due_at.0);
    name!(out, "last");
    push_f64(out, p.last);
    name!(out, "prediction");
    let at = out.len();
    push_f64(out, p.value);
    let written = at..out.len();
    name!(out, "price");
    match p.price {
        // With target close both are one number, and writing numbers is the dearest part of a record.
        Some(price) if price.to_bits() == p.value.to_bits() => out.extend_from_within(written),
        price => push_optional_f64(out, price),
    }
    if let Some((lower, upper)) = p.interval {
        name!(out, "lower");
        push_f64(out, lower);
        name!(out, "upper");
        push_f64(out, upper);
    }
}

/// `topology/coin/model/asked_at`, and `.ordinal` where one moment has several questions.
fn push_id(p: &Prediction, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    out.push(b'"');
    for part in [ctx.topology, ctx.coin, ctx.name(p.model)] {
        push_escaped(out, part);
        out.push(b'/');
    }
    push_int(out, p.asked_at.0);
    if p.ordinal > 0 {
        out.push(b'.');
        push_int(out, p.ordinal);
    }
    out.push(b'"');
}

fn encode_evaluation(e: &Evaluation, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    name!(out, first "coin");
    push_str(out, ctx.coin);
    name!(out, "model");
    push_str(out, ctx.name(e.model));
    name!(out, "target");
    push_plain(out, e.target.name());
    name!(out, "horizon_ms");
    push_int(out, e.horizon_ms);
    name!(out, "nowcast");
    push_bool(out, e.nowcast);
    name!(out, "window");
    push_window(out, e.window);
    name!(out, "at");
    push_int(out, e.at.0);
    name!(out, "n");
    push_int(out, e.n);
    out.push(b',');
    push_measures(out, &e.measures);
    name!(out, "naive");
    out.push(b'{');
    push_measures(out, &e.naive);
    out.push(b'}');
    name!(out, "skill");
    push_optional_f64(out, e.skill);
    name!(out, "champion");
    push_bool(out, e.champion);
    if let Some(intervals) = &e.intervals {
        name!(out, "intervals");
        name!(out, first "n");
        push_int(out, intervals.n);
        name!(out, "coverage");
        push_f64(out, intervals.coverage);
        name!(out, "width");
        push_f64(out, intervals.width);
        out.push(b'}');
    }
}

fn push_measures(out: &mut Vec<u8>, measures: &Measures) {
    out.extend_from_slice(b"\"mae\":");
    push_optional_f64(out, measures.mae);
    name!(out, "rmse");
    push_optional_f64(out, measures.rmse);
    name!(out, "smape");
    push_optional_f64(out, measures.smape);
    name!(out, "r2");
    push_optional_f64(out, measures.r2);
    name!(out, "directional_accuracy");
    push_optional_f64(out, measures.directional_accuracy);
}

fn encode_champion(change: &ChampionChange, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    name!(out, first "coin");
    push_str(out, ctx.coin);
    name!(out, "horizon_ms");
    push_int(out, change.horizon_ms);
    name!(out, "nowcast");
    push_bool(out, change.nowcast);
    name!(out, "at");
    push_int(out, change.at.0);
    name!(out, "previous");
    match change.previous {
        Some(previous) => push_str(out, ctx.name(previous)),
        None => push_null(out),
    }
    name!(out, "champion");
    push_str(out, ctx.name(change.champion));
    name!(out, "metric");
    push_plain(out, change.metric);
    name!(out, "value");
    push_f64(out, change.value);
    name!(out, "previous_value");
    push_optional_f64(out, change.previous_value);
}

fn encode_drift(drift: &Drift, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    name!(out, first "coin");
    push_str(out, ctx.coin);
    name!(out, "model");
    push_str(out, ctx.name(drift.model));
    name!(out, "model_version");
    push_int(out, drift.version);
    name!(out, "detector");
    push_str(out, &drift.detector);
    name!(out, "at");
    push_int(out, drift.at.0);
    name!(out, "action");
    push_plain(out, drift.action);
}

fn encode_anomaly(anomaly: &Anomaly, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    name!(out, first "coin");
    push_str(out, ctx.coin);
    name!(out, "node");
    push_str(out, ctx.name(anomaly.node));
    name!(out, "at");
    push_int(out, anomaly.at.0);
    name!(out, "detector");
    push_str(out, &anomaly.detector);
    name!(out, "score");
    push_f64(out, anomaly.score);
    name!(out, "threshold");
    push_f64(out, anomaly.limit);
    name!(out, "reason");
    push_plain(out, anomaly.reason);
    name!(out, "action");
    push_plain(out, anomaly.action);
    name!(out, "in_a_row");
    push_int(out, anomaly.in_a_row);
    name!(out, "close");
    push_f64(out, anomaly.close);
    name!(out, "values");
    out.push(b'{');
    for (i, (name, value)) in anomaly.values.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_str(out, name);
        out.push(b':');
        push_f64(out, *value);
    }
    out.push(b'}');
    push_origin(ctx, out);
}

fn encode_candle(candle: &Candle, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    name!(out, first "coin");
    push_str(out, ctx.coin);
    name!(out, "open_time");
    push_int(out, candle.open_time.0);
    name!(out, "close_time");
    push_int(out, candle.close_time.0);
    name!(out, "open");
    push_f64(out, candle.open);
    name!(out, "high");
    push_f64(out, candle.high);
    name!(out, "low");
    push_f64(out, candle.low);
    name!(out, "close");
    push_f64(out, candle.close);
    name!(out, "volume");
    candle.volume.write_to(out);
    push_candle_extras(candle, out);
}

fn push_candle_extras(candle: &Candle, out: &mut Vec<u8>) {
    if let Some(volume) = candle.quote_volume {
        name!(out, "quote_volume");
        volume.write_to(out);
    }
    if let Some(trades) = candle.trades {
        name!(out, "trades");
        push_int(out, trades);
    }
    if let Some(volume) = candle.taker_base {
        name!(out, "taker_base");
        volume.write_to(out);
    }
    if let Some(volume) = candle.taker_quote {
        name!(out, "taker_quote");
        volume.write_to(out);
    }
}

fn encode_trade(trade: &Trade, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    name!(out, first "coin");
    push_str(out, ctx.coin);
    name!(out, "time");
    push_int(out, trade.time.0);
    name!(out, "price");
    push_f64(out, trade.price);
    name!(out, "amount");
    trade.amount.write_to(out);
    if let Some(id) = trade.id {
        name!(out, "id");
        push_int(out, id);
    }
    if let Some(maker) = trade.buyer_is_maker {
        name!(out, "buyer_is_maker");
        push_bool(out, maker);
    }
}

fn encode_row(row: &Row, ctx: &WireContext<'_>, out: &mut Vec<u8>) {
    name!(out, first "coin");
    push_str(out, ctx.coin);
    name!(out, "open_time");
    push_int(out, row.open_time.0);
    name!(out, "close_time");
    push_int(out, row.close_time.0);
    name!(out, "open");
    push_f64(out, row.open);
    name!(out, "close");
    push_f64(out, row.close);
    name!(out, "features");
    out.push(b'{');
    for (i, (column, value)) in ctx.columns.iter().zip(&row.values).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_str(out, &column.name);
        out.push(b':');
        push_f64(out, *value);
    }
    out.push(b'}');
}
