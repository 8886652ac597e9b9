//! The encoder against the table of fields, and the records a reader would see.

use serde_json::Value;

use super::*;
use crate::market::{Candle, Trade};
use crate::processor::{
    Anomaly, Answer, ChampionChange, Drift, Evaluation, Event, EventKind, IntervalMeasures, Known, Measures, Prediction, Row,
    Target,
};
use crate::record::Timestamp;

fn prediction() -> Prediction {
    Prediction {
        model: NodeId(2),
        version: 41,
        horizon_ms: 300_000,
        target: Target::Close,
        asked_at: Timestamp(1_700_000_100_000),
        due_at: Timestamp(1_700_000_400_000),
        ordinal: 0,
        last: 37_000.5,
        value: 37_010.25,
        price: Some(37_010.25),
        interval: Some((36_900.0, 37_100.0)),
        nowcast: false,
        champion: Some(true),
    }
}

fn measures() -> Measures {
    Measures { mae: Some(1.5), rmse: Some(2.0), smape: Some(0.25), r2: None, directional_accuracy: Some(0.5) }
}

fn evaluation() -> Evaluation {
    Evaluation {
        model: NodeId(2),
        horizon_ms: 300_000,
        target: Target::Return,
        nowcast: false,
        window: EvaluationWindow::Rolling(86_400_000),
        at: Timestamp(1_700_000_400_000),
        n: 288,
        measures: measures(),
        naive: Measures::default(),
        skill: Some(-0.125),
        champion: false,
        intervals: Some(IntervalMeasures { n: 280, coverage: 0.95, width: 200.0 }),
    }
}

fn candle() -> Candle {
    Candle {
        open_time: Timestamp(0),
        close_time: Timestamp(60_000),
        open: 1.0,
        high: 2.0,
        low: 0.5,
        close: 1.5,
        volume: "12.000000000000000001".parse().unwrap(),
        quote_volume: Some("3".parse().unwrap()),
        trades: Some(7),
        taker_base: Some("0.1".parse().unwrap()),
        taker_quote: Some("0.2".parse().unwrap()),
    }
}

fn change() -> ChampionChange {
    ChampionChange {
        horizon_ms: 0,
        nowcast: true,
        at: Timestamp(9),
        previous: Some(NodeId(1)),
        champion: NodeId(2),
        metric: "mae",
        value: 1.0,
        previous_value: Some(1.25),
    }
}

/// Every kind of event, with all that is optional there (first) and not there (second).
fn samples() -> Vec<Event> {
    let plain = Prediction { target: Target::Direction, price: None, interval: None, champion: None, ordinal: 3, ..prediction() };
    let short = Candle { quote_volume: None, trades: None, taker_base: None, taker_quote: None, ..candle() };
    let trade =
        Trade { time: Timestamp(5), price: 2.5, amount: "0.75".parse().unwrap(), id: Some(u64::MAX), buyer_is_maker: Some(true) };
    let row =
        Row { open_time: Timestamp(0), close_time: Timestamp(60_000), open: 1.0, close: 1.5, values: Box::new([1.5, f64::NAN]) };
    vec![
        Event::Prediction(prediction()),
        Event::Prediction(plain.clone()),
        Event::Answer(Answer { question: prediction(), truth: 37_020.0, label: 37_020.0 }),
        Event::Answer(Answer { question: plain, truth: 37_020.0, label: 1.0 }),
        Event::Evaluation(Box::new(evaluation())),
        Event::Evaluation(Box::new(Evaluation {
            window: EvaluationWindow::Cumulative,
            skill: None,
            intervals: None,
            ..evaluation()
        })),
        Event::Champion(Box::new(change())),
        Event::Champion(Box::new(ChampionChange { previous: None, previous_value: None, ..change() })),
        Event::Drift(Box::new(Drift {
            model: NodeId(1),
            detector: "adwin".into(),
            at: Timestamp(4),
            action: "reset",
            version: 8,
        })),
        Event::Anomaly(Box::new(Anomaly {
            node: NodeId(1),
            detector: "gaussian_scorer".into(),
            at: Timestamp(60_000),
            score: 0.99999,
            limit: 0.9999,
            reason: "threshold",
            action: "dropped",
            in_a_row: 2,
            close: 370_000.0,
            values: Box::new([("return".into(), 9.0), ("volume".into(), f64::NAN)]),
        })),
        Event::Candle(candle()),
        Event::Candle(short),
        Event::Trade(trade.clone()),
        Event::Trade(Trade { id: None, buyer_is_maker: None, ..trade }),
        Event::Row(row),
    ]
}

fn encoded(event: &Event, coin: &str) -> String {
    let names: [Arc<str>; 3] = ["candles".into(), "na\"ive".into(), "hoeffding".into()];
    let columns =
        [("close", Known::AtClose), ("lag", Known::BeforeClose)].map(|(name, known)| Column { name: name.into(), known });
    let source = TopicPartition::new("market.candles.1m", 4);
    let ctx = WireContext { topology: "btc-online", names: &names, columns: &columns, coin, source: &source, offset: Offset(77) };
    let mut out = Vec::new();
    encode(event, &ctx, &mut out);
    String::from_utf8(out).unwrap()
}

fn type_fits(value: &Value, ty: FieldType) -> bool {
    match ty {
        FieldType::Text => value.is_string(),
        FieldType::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        FieldType::Integer => value.is_i64() || value.is_u64(),
        FieldType::Number => value.is_number(),
        FieldType::Boolean => value.is_boolean(),
        FieldType::Object(fields) => check(value, fields).is_ok(),
        FieldType::Numbers => value.as_object().is_some_and(|o| o.values().all(|v| v.is_number() || v.is_null())),
    }
}

/// Exactly the fields of the table, in its order, each of its type.
fn check(record: &Value, table: &[Field]) -> Result<(), String> {
    let object = record.as_object().ok_or("no object")?;
    let present: Vec<&Field> = table.iter().filter(|f| f.presence != Presence::Optional || object.contains_key(f.name)).collect();
    let (wanted, found): (Vec<_>, Vec<_>) = (present.iter().map(|f| f.name).collect(), object.keys().collect());
    if found != wanted {
        return Err(format!("fields {found:?}, expected {wanted:?}"));
    }
    let fits = |f: &&&Field| type_fits(&object[f.name], f.ty) || (f.presence == Presence::Nullable && object[f.name].is_null());
    match present.iter().find(|f| !fits(f)) {
        Some(field) => Err(format!("{} is {}", field.name, object[field.name])),
        None => Ok(()),
    }
}

#[test]
fn every_record_has_exactly_the_fields_of_its_schema() {
    let mut kinds: Vec<EventKind> = Vec::new();
    for event in samples() {
        let json = encoded(&event, "BTC-USDT");
        let record: Value = serde_json::from_str(&json).unwrap();
        check(&record, fields(event.kind())).unwrap_or_else(|e| panic!("{:?}: {e}\n{json}", event.kind()));
        kinds.push(event.kind());
    }
    assert!(EventKind::ALL.iter().all(|kind| kinds.contains(kind)));
}

#[test]
fn optional_fields_are_all_seen_in_the_first_sample_of_their_kind() {
    for kind in EventKind::ALL {
        let event = samples().into_iter().find(|e| e.kind() == kind).unwrap();
        let record: Value = serde_json::from_str(&encoded(&event, "c")).unwrap();
        assert_eq!(record.as_object().unwrap().len(), fields(kind).len(), "{kind:?}");
    }
}

#[test]
fn the_schema_says_what_the_table_says() {
    for kind in EventKind::ALL {
        let schema = schema(kind);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["properties"].as_object().unwrap().len(), fields(kind).len());
        let required = schema["required"].as_array().unwrap();
        for field in fields(kind) {
            assert_eq!(required.iter().any(|r| r == field.name), field.presence != Presence::Optional, "{}", field.name);
            assert_eq!(
                schema["properties"][field.name]["type"].is_array(),
                field.presence == Presence::Nullable,
                "{}",
                field.name
            );
            assert_eq!(schema["properties"][field.name]["description"], field.about);
        }
    }
}

#[test]
fn a_prediction_reads_as_documented() {
    let json = encoded(&Event::Prediction(prediction()), "BTC-USDT");
    assert_eq!(
        json,
        concat!(
            r#"{"id":"btc-online/BTC-USDT/hoeffding/1700000100000","coin":"BTC-USDT","model":"hoeffding","model_version":41,"#,
            r#""target":"close","horizon_ms":300000,"asked_at":1700000100000,"due_at":1700000400000,"last":37000.5,"#,
            r#""prediction":37010.25,"price":37010.25,"lower":36900.0,"upper":37100.0,"nowcast":false,"champion":true,"#,
            r#""source":{"topic":"market.candles.1m","partition":4,"offset":77}}"#
        )
    );
}

#[test]
fn a_second_question_of_one_moment_has_an_id_of_its_own() {
    let json = encoded(&Event::Prediction(Prediction { ordinal: 1, ..prediction() }), "BTC-USDT");
    let record: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(record["id"], "btc-online/BTC-USDT/hoeffding/1700000100000.1");
}

#[test]
fn names_with_quotes_stay_valid_json() {
    let event = Event::Prediction(Prediction { model: NodeId(1), ..prediction() });
    let record: Value = serde_json::from_str(&encoded(&event, "A\\B\n")).unwrap();
    assert_eq!((record["coin"].as_str(), record["model"].as_str()), (Some("A\\B\n"), Some("na\"ive")));
    assert_eq!(record["id"], "btc-online/A\\B\n/na\"ive/1700000100000");
}

#[test]
fn volumes_keep_every_digit_and_windows_have_names() {
    assert!(encoded(&Event::Candle(candle()), "c").contains(r#""volume":12.000000000000000001,"#));
    let rolling: Value = serde_json::from_str(&encoded(&Event::Evaluation(Box::new(evaluation())), "c")).unwrap();
    assert_eq!((rolling["window"].as_str(), rolling["naive"]["mae"].is_null()), (Some("1d"), true));
}
