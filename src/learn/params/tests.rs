//! What the parameter system accepts, refuses, and says.

use serde_json::json;

use super::*;

crate::choices! {
    /// A vote.
    pub enum Vote {
        /// The mean.
        Mean = "mean",
        /// The median.
        Median = "median",
    }
}

crate::params! {
    /// The walker.
    pub struct WalkParams {
        /// Stride.
        stride: f64 = 0.5, in above_to(0.0, 1.0), unit "metres";
    }
}

crate::variants! {
    /// A way to go.
    pub enum Way {
        /// On foot.
        Walk(WalkParams) = "walk",
        /// By water.
        Swim(NothingParams) = "swim",
    }
}

crate::params! {
    /// Nothing to set.
    pub struct NothingParams {}
}

crate::params! {
    /// One of everything.
    pub struct AllParams {
        required {
            /// Needed.
            length: Duration, in Duration::from_ms(1_000)..;
            /// Needed too,
            /// on two lines.
            seed: u64;
        }
        /// Rate.
        rate: f64 = 1e12, in 0.0..=1e12;
        /// Offset.
        shift: i64 = -3, in -5..5;
        /// Count.
        count: Option<usize> = Some(4), in 1..;
        /// Switch.
        on: bool = false;
        /// Name.
        name: String = "x".to_owned();
        /// Vote.
        vote: Vote = Vote::Mean;
        /// Lags.
        lags: Vec<usize> = vec![1, 2], in 1..=9;
        /// Way.
        way: Way = Way::Walk(WalkParams::default());
        /// Inner.
        inner: serde_json::Value = serde_json::Value::Null;
    }
}

fn read(value: serde_json::Value) -> Result<AllParams, Vec<String>> {
    AllParams::read(&value, &["m".to_owned()]).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn absent_parameters_take_their_defaults_and_written_ones_are_read() {
    let got = read(json!({
        "length": "1m30s", "seed": 7, "rate": 3, "count": "none", "vote": "median", "lags": [9], "way": {"walk": {"stride": 1}},
        "inner": {"a": [1]}
    }))
    .unwrap();
    assert_eq!((got.length.ms(), got.seed, got.rate, got.shift, got.count), (90_000, 7, 3.0, -3, None));
    assert_eq!((got.vote, got.lags.as_slice(), got.name.as_str()), (Vote::Median, [9].as_slice(), "x"));
    assert_eq!(got.way, Way::Walk(WalkParams { stride: 1.0 }));
    assert_eq!(got.inner, json!({"a": [1]}));
}

#[test]
fn every_mistake_is_told_at_once_with_its_path() {
    let errors = read(json!({
        "length": "10ms", "rate": "5", "shift": 5, "count": 0, "on": 1, "vote": "mode", "lags": [1, 2.0, 10], "nam": "y",
        "way": {"walk": {"stride": 0}}
    }))
    .unwrap_err();
    let expected = [
        "m.nam: unknown parameter; expected one of length, seed, rate, shift, count, on, name, vote, lags, way, inner; did you mean `name`?",
        "m.length: 10ms is out of range; expected at least 1s",
        "m.seed: this parameter is required; expected whole number of 0 or more",
        "m.rate: found the text \"5\"; expected number; write it without quotes",
        "m.shift: 5 is out of range; expected from -5, below 5",
        "m.count: 0 is out of range; expected at least 1",
        "m.on: found the number 1; expected true or false",
        "m.vote: unknown value `mode`; expected one of mean, median",
        "m.lags.1: found the number 2.0; expected whole number of 0 or more; write 2",
        "m.way.walk.stride: 0 is out of range; expected above 0, at most 1 (metres)",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    assert!(read(json!({"length": "1s", "seed": 1, "rate": f64::NAN})).unwrap_err()[0].contains("NaN"));
}

#[test]
fn things_with_parameters_are_read_from_a_name_or_an_object_of_one_key() {
    let way = |value| Way::read_value(&value, &["way".to_owned()]).map_err(|e| e[0].to_string());
    assert_eq!(way(json!("walk")), Ok(Way::Walk(WalkParams::default())));
    assert_eq!(way(json!({"swim": {}})), Ok(Way::Swim(NothingParams {})));
    assert_eq!(way(json!("wlak")).unwrap_err(), "way: unknown name `wlak`; expected one of walk, swim; did you mean `walk`?");
    assert!(way(json!({"swim": {"stride": 1}})).unwrap_err().starts_with("way.swim.stride: unknown parameter; expected none"));
    assert!(way(json!({"swim": {}, "walk": {}})).unwrap_err().contains("an object with 2 keys"));
    assert!(way(json!(3)).unwrap_err().contains("found the number 3"));
}

#[test]
fn the_description_tells_type_default_range_unit_and_choices() {
    let info = AllParams::describe();
    assert_eq!(info[0].default, None);
    assert_eq!(info[1].doc, "Needed too, on two lines.");
    assert_eq!((info[2].default.as_deref(), info[2].range.as_deref()), (Some("1e12"), Some("0 to 1e12")));
    assert_eq!(info[7].choices.iter().map(|c| c.name).collect::<Vec<_>>(), ["mean", "median"]);
    assert_eq!(info[9].choices[0].params[0].unit, Some("metres"));
}

#[test]
fn written_out_parameters_read_back_equal() {
    let one = read(json!({"length": "2d", "seed": 1, "count": null, "lags": []})).unwrap();
    assert_eq!(read(Params::to_value(&one)).unwrap(), one);
}

#[test]
fn durations_want_units_in_falling_order() {
    for (text, ms) in [("0s", 0), ("250ms", 250), ("1w2d3h4m5s6ms", 788_645_006), ("90m", 5_400_000)] {
        assert_eq!(text.parse::<Duration>().map(Duration::ms), Ok(ms), "{text}");
    }
    for text in ["", "5", "m", "5m1h", "5m5m", "1.5h", "-5m", "5 m", "99999999999999999w", "5M", "é"] {
        assert!(text.parse::<Duration>().is_err(), "{text}");
    }
}

crate::params! {
    /// A table in a table.
    pub struct OuterParams {
        /// The walk.
        walk: WalkParams = WalkParams::default();
        /// Perhaps a walk.
        perhaps: Option<WalkParams> = None;
    }
}

#[test]
fn an_object_of_parameters_tells_its_keys() {
    let info = OuterParams::describe();
    assert_eq!((info[0].default.as_deref(), info[0].params[0].name), (Some("{}"), "stride"));
    assert_eq!((info[1].default.as_deref(), info[1].params[0].unit), (Some("\"none\""), Some("metres")));
    assert_eq!(OuterParams::read(&json!({ "walk": { "stride": 1 } }), &[]).unwrap().walk.stride, 1.0);
    let errors = OuterParams::read(&json!({ "walk": { "strid": 1 } }), &["o".to_owned()]).unwrap_err();
    assert!(errors[0].to_string().starts_with("o.walk.strid: unknown parameter"));
}
