//! What the output records look like: one table a kind of record, and the JSON Schemas (draft 2020-12) that follow from it.
//!
//! The table is the documentation; the encoder is written by hand for speed, and a test holds its output against the table, field by field.

use serde_json::{Map, Value, json};

use crate::processor::EventKind;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A text.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A whole number of 64 bits with sign.
    Integer,
    /// A number; where it is an `f64`, the shortest decimal that reads back as the same bits.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An object of these fields.
    Object(&'static [Field]),
    /// An object from names to numbers or `null`.
    Numbers,
}

/// Whether a field is there and whether it may be `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Always there, never `null`.
    Always,
    /// Always there; `null` where there is no value.
    Nullable,
    /// Left out where there is no value.
    Optional,
}

/// One field of an output record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: FieldType,
    /// Whether it is there.
    pub presence: Presence,
    /// What it says, with its unit.
    pub about: &'static str,
}

const fn field(name: &'static str, ty: FieldType, about: &'static str) -> Field {
    Field { name, ty, presence: Presence::Always, about }
}

const fn nullable(name: &'static str, ty: FieldType, about: &'static str) -> Field {
    Field { name, ty, presence: Presence::Nullable, about }
}

const fn optional(name: &'static str, ty: FieldType, about: &'static str) -> Field {
    Field { name, ty, presence: Presence::Optional, about }
}

use FieldType::{Boolean, Integer, Number, Numbers, Object, OneOf, Text};

const TARGETS: FieldType = OneOf(&["close", "return", "direction"]);
const COIN: Field = field("coin", Text, "The coin; also the key of the record.");
const MODEL: Field = field("model", Text, "Name of the learner in the topology.");
const TARGET: Field = field("target", TARGETS, "What is predicted: a price, its relative change, or the sign of its change.");
const HORIZON: Field = field("horizon_ms", Integer, "How far ahead, ms; 0 for a nowcast.");
const NOWCAST: Field =
    field("nowcast", Boolean, "Whether it tells the close of a bar whose open, high and low were already known: no forecast.");
const VERSION: Field = field("model_version", Integer, "Number of labels the model had learned.");
const OPEN_TIME: Field = field("open_time", Integer, "First moment of the bar, Unix ms.");
const CLOSE_TIME: Field = field("close_time", Integer, "First moment after the bar, Unix ms.");
const ID: Field =
    field("id", Text, "Deterministic id: topology/coin/model/asked_at, then .ordinal where one moment has several questions.");
const ASKED_AT: Field =
    field("asked_at", Integer, "When the question was asked, Unix ms: the close time of the newest bar then known.");
const DUE_AT: Field = field("due_at", Integer, "When the truth is known, Unix ms.");
const LAST: Field = field("last", Number, "The newest close known when the question was asked.");
const VALUE: Field = field("prediction", Number, "The prediction in the unit of the target.");
const PRICE: Field = nullable("price", Number, "The prediction as a price; null for direction.");
const LOWER: Field = optional("lower", Number, "Lower bound of the price, where the learner gives an interval.");
const UPPER: Field = optional("upper", Number, "Upper bound of the price, where the learner gives an interval.");
const MAE: Field = nullable("mae", Number, "Mean absolute error, price.");
const RMSE: Field = nullable("rmse", Number, "Root mean squared error, price.");
const SMAPE: Field = nullable("smape", Number, "Symmetric mean absolute percentage error, 0 to 200 %.");
const R2: Field = nullable("r2", Number, "Coefficient of determination, at most 1.");
const DIRECTIONAL: Field = nullable(
    "directional_accuracy",
    Number,
    "Share of questions whose direction against the last value was right, among those where the price moved, 0 to 1.",
);

const SOURCE: &[Field] = &[
    field("topic", Text, "The input topic."),
    field("partition", Integer, "Its partition."),
    field("offset", Integer, "Offset of the input record that caused it."),
];

const PREDICTION: &[Field] = &[
    ID,
    COIN,
    MODEL,
    VERSION,
    TARGET,
    HORIZON,
    ASKED_AT,
    DUE_AT,
    LAST,
    VALUE,
    PRICE,
    LOWER,
    UPPER,
    NOWCAST,
    nullable(
        "champion",
        Boolean,
        "Whether the model led its evaluator when the question was asked; null where no evaluator has seen it.",
    ),
    field("source", Object(SOURCE), "The input record that caused the prediction."),
];

const ANSWER: &[Field] = &[
    ID,
    COIN,
    MODEL,
    VERSION,
    TARGET,
    HORIZON,
    ASKED_AT,
    DUE_AT,
    LAST,
    VALUE,
    PRICE,
    LOWER,
    UPPER,
    NOWCAST,
    field("truth", Number, "The true close at the due time, a price."),
    field("label", Number, "The truth in the unit of the target: what the model learned."),
];

const EVALUATION: &[Field] = &[
    COIN,
    MODEL,
    TARGET,
    HORIZON,
    NOWCAST,
    field("window", Text, "cumulative, or the length of the rolling window, such as 1d."),
    field(
        "at",
        Integer,
        "When it was measured, Unix ms: questions due until then are covered, and the rolling window ends there.",
    ),
    field("n", Integer, "Number of questions covered."),
    MAE,
    RMSE,
    SMAPE,
    R2,
    DIRECTIONAL,
    field(
        "naive",
        Object(&[MAE, RMSE, SMAPE, R2, DIRECTIONAL]),
        "The same measures of the naive last-value forecast over the same questions.",
    ),
    nullable("skill", Number, "1 - MAE / MAE of naive: above 0 is better than naive."),
    field("champion", Boolean, "Whether the model leads at this moment."),
    optional("intervals", Object(INTERVALS), "How well the intervals of the predictions held, where there were any."),
];

const INTERVALS: &[Field] = &[
    field("n", Integer, "Number of questions whose prediction had an interval."),
    field("coverage", Number, "Share of their truths that lay inside, 0 to 1."),
    field("width", Number, "Mean width of the intervals, price."),
];

const CHAMPION: &[Field] = &[
    COIN,
    HORIZON,
    NOWCAST,
    field("at", Integer, "When the lead changed, Unix ms."),
    nullable("previous", Text, "The learner that led before; null for the first champion."),
    field("champion", Text, "The learner that leads now."),
    field(
        "metric",
        OneOf(&["mae", "rmse", "smape", "directional_accuracy"]),
        "The measure that decided, over the rolling window.",
    ),
    field("value", Number, "Its value for the new champion."),
    nullable("previous_value", Number, "Its value for the previous champion."),
];

const DRIFT: &[Field] = &[
    COIN,
    MODEL,
    VERSION,
    field("detector", Text, "Name of the detector in the catalogue."),
    field("at", Integer, "Due time of the question that raised the alarm, Unix ms."),
    field(
        "action",
        OneOf(&["notify", "reset", "swap"]),
        "What was done: nothing, a fresh model took over, or the one trained since the warning did.",
    ),
];

const ANOMALY: &[Field] = &[
    COIN,
    field("node", Text, "Name of the anomaly filter in the topology."),
    field("at", Integer, "Close time of the bar, Unix ms."),
    field("detector", Text, "Name of the detector in the catalogue."),
    field("score", Number, "How unusual the bar is: the higher, the more."),
    field("threshold", Number, "The score that made an anomaly at that moment."),
    field("reason", OneOf(&["threshold", "quantile"]), "The rule that the threshold is from."),
    field(
        "action",
        OneOf(&["dropped", "passed", "accepted"]),
        "What was done: not passed on, passed on all the same, or accepted as the new usual after too many in a row.",
    ),
    field("in_a_row", Integer, "How many anomalies came one after the other, this one included."),
    field("close", Number, "Close of the bar, price."),
    field("values", Numbers, "What was judged, by name; null where a value is absent."),
    field("source", Object(SOURCE), "The input record that brought the bar."),
];

const CANDLE: &[Field] = &[
    COIN,
    OPEN_TIME,
    CLOSE_TIME,
    field("open", Number, "First price."),
    field("high", Number, "Highest price."),
    field("low", Number, "Lowest price."),
    field("close", Number, "Last price."),
    field("volume", Number, "Traded amount in the base coin, an exact decimal."),
    optional("quote_volume", Number, "Traded amount in the quote coin, an exact decimal."),
    optional("trades", Integer, "Number of trades."),
    optional("taker_base", Number, "Base volume bought by takers, an exact decimal."),
    optional("taker_quote", Number, "Quote volume bought by takers, an exact decimal."),
];

const TRADE: &[Field] = &[
    COIN,
    field("time", Integer, "When the trade happened, Unix ms."),
    field("price", Number, "Price in the quote coin."),
    field("amount", Number, "Amount in the base coin, an exact decimal."),
    optional("id", Integer, "The exchange's number of the trade."),
    optional("buyer_is_maker", Boolean, "Whether the seller was the aggressor."),
];

const ROW: &[Field] = &[
    COIN,
    OPEN_TIME,
    CLOSE_TIME,
    field("open", Number, "First price of the bar."),
    field("close", Number, "Last price of the bar."),
    field("features", Numbers, "The features by name; null where a value is absent."),
];

/// The fields of a kind of record in the order they are written.
pub fn fields(kind: EventKind) -> &'static [Field] {
    match kind {
        EventKind::Candle => CANDLE,
        EventKind::Trade => TRADE,
        EventKind::Row => ROW,
        EventKind::Prediction => PREDICTION,
        EventKind::Answer => ANSWER,
        EventKind::Evaluation => EVALUATION,
        EventKind::Champion => CHAMPION,
        EventKind::Drift => DRIFT,
        EventKind::Anomaly => ANOMALY,
    }
}

/// The JSON Schema (draft 2020-12) of a kind of record. Fields may be added in later versions, so readers must accept fields they do not know.
///
/// ```
/// use tidemill::{operators::wire, processor::EventKind};
/// let schema = wire::schema(EventKind::Champion);
/// assert_eq!(schema["properties"]["previous"]["type"], serde_json::json!(["string", "null"]));
/// assert_eq!(schema["required"].as_array().unwrap().len(), 9);
/// ```
pub fn schema(kind: EventKind) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("$id".into(), json!(format!("urn:tidemill:{}:1", kind.name())));
    schema.insert("title".into(), json!(format!("tidemill {}", kind.name())));
    schema.extend(object_schema(fields(kind)));
    Value::Object(schema)
}

fn object_schema(fields: &[Field]) -> Map<String, Value> {
    let properties: Map<_, _> = fields.iter().map(|f| (f.name.to_owned(), field_schema(f))).collect();
    let required: Vec<_> = fields.iter().filter(|f| f.presence != Presence::Optional).map(|f| f.name).collect();
    let mut object = Map::new();
    object.insert("type".into(), json!("object"));
    object.insert("properties".into(), Value::Object(properties));
    object.insert("required".into(), json!(required));
    object
}

fn field_schema(field: &Field) -> Value {
    let mut schema = match field.ty {
        Text => typed("string"),
        OneOf(words) => with(typed("string"), "enum", json!(words)),
        Integer => typed("integer"),
        Number => typed("number"),
        Boolean => typed("boolean"),
        Object(fields) => object_schema(fields),
        Numbers => with(typed("object"), "additionalProperties", json!({ "type": ["number", "null"] })),
    };
    if field.presence == Presence::Nullable {
        let ty = schema["type"].take();
        schema.insert("type".into(), json!([ty, "null"]));
    }
    schema.insert("description".into(), json!(field.about));
    Value::Object(schema)
}

fn typed(name: &str) -> Map<String, Value> {
    with(Map::new(), "type", json!(name))
}

fn with(mut schema: Map<String, Value>, key: &str, value: Value) -> Map<String, Value> {
    schema.insert(key.to_owned(), value);
    schema
}
