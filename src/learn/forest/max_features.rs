//! How many features a leaf of a forest watches.

use std::ops::RangeBounds;

use serde_json::Value;

use crate::learn::{
    params::{NoRange, ParamError, ParamValue},
    random::Random,
};

/// How many of the features a leaf watches: a rule, a number, or a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFeatures {
    /// The root of their number, rounded.
    Sqrt,
    /// The binary logarithm of their number, rounded.
    Log2,
    /// All of them.
    All,
    /// A number drawn for each tree, at least 2.
    Random,
    /// So many; a negative number means all but so many.
    Count(i64),
    /// This share of them, cut to a whole number.
    Share(f64),
}

impl MaxFeatures {
    /// How many of `n` features: 1 to `n`. `random` is drawn from by [`Random`](Self::Random) alone.
    pub fn of(self, n: usize, random: &mut Random) -> usize {
        let all = n as f64;
        let wanted = match self {
            MaxFeatures::Sqrt => all.sqrt().round_ties_even(),
            MaxFeatures::Log2 => libm::log2(all.max(1.0)).round_ties_even(),
            MaxFeatures::All => all,
            MaxFeatures::Random => random.randint(2, n as i64) as f64,
            MaxFeatures::Count(count) => count as f64,
            MaxFeatures::Share(share) => (share * all).trunc(),
        };
        let wanted = if wanted < 0.0 { wanted + all } else { wanted };
        wanted.clamp(1.0, all.max(1.0)) as usize
    }
}

impl ParamValue for MaxFeatures {
    type Scalar = NoRange;

    fn type_text() -> String {
        "\"sqrt\", \"log2\", \"random\", \"none\" for all, a whole number, or a share above 0 and at most 1".to_owned()
    }

    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
        let read = match value {
            Value::Null => Some(MaxFeatures::All),
            Value::String(name) => match name.as_str() {
                "sqrt" => Some(MaxFeatures::Sqrt),
                "log2" => Some(MaxFeatures::Log2),
                "random" => Some(MaxFeatures::Random),
                "none" => Some(MaxFeatures::All),
                _ => None,
            },
            Value::Number(n) => match n.as_i64() {
                Some(count) => Some(MaxFeatures::Count(count)),
                None => n.as_f64().filter(|share| *share > 0.0 && *share <= 1.0).map(MaxFeatures::Share),
            },
            _ => None,
        };
        read.ok_or_else(|| vec![ParamError::wrong_type(path, value, Self::type_text())])
    }

    fn to_value(&self) -> Value {
        match self {
            MaxFeatures::Sqrt => "sqrt".into(),
            MaxFeatures::Log2 => "log2".into(),
            MaxFeatures::All => "none".into(),
            MaxFeatures::Random => "random".into(),
            MaxFeatures::Count(count) => (*count).into(),
            MaxFeatures::Share(share) => (*share).into(),
        }
    }

    fn scalar_text(scalar: &NoRange) -> String {
        match *scalar {}
    }

    fn outside<R: RangeBounds<NoRange>>(&self, _: &R) -> Option<String> {
        None
    }
}

// Written as the text that a user would write, so that params of all kinds can be kept.
impl serde::Serialize for MaxFeatures {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_value().to_string())
    }
}

impl<'de> serde::Deserialize<'de> for MaxFeatures {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = serde_json::from_str(&text).map_err(serde::de::Error::custom)?;
        MaxFeatures::read_value(&value, &[]).map_err(|errors| serde::de::Error::custom(format!("{errors:?}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_of_features_are_rivers() {
        let of = |value: Value, n| MaxFeatures::read_value(&value, &[]).unwrap().of(n, &mut Random::new(1));
        assert_eq!([of(json!("sqrt"), 4), of(json!("sqrt"), 7), of(json!("log2"), 5), of(json!(null), 5)], [2, 3, 2, 5]);
        assert_eq!([of(json!(3), 4), of(json!(9), 4), of(json!(-1), 4), of(json!(-9), 4), of(json!(0.5), 5)], [3, 4, 3, 1, 2]);
        assert!((2..=6).contains(&of(json!("random"), 6)));
        assert_eq!(of(json!("sqrt"), 0), 1);
        let error = MaxFeatures::read_value(&json!(1.5), &[]).unwrap_err();
        assert!(error[0].to_string().contains("share above 0"), "{error:?}");
    }
}
