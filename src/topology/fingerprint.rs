//! Digests of what nodes and graphs mean: equal for equal meaning, whatever order keys were written in and however numbers were spelled.

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

/// Length of a fingerprint: hexadecimal digits.
const DIGITS: usize = 32;
/// Beyond this whole numbers are not exact in 64-bit floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The same value with its keys sorted and `2.0` written as `2`.
pub(super) fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(canonical_number(number)),
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect())
        }
        other => other.clone(),
    }
}

fn canonical_number(number: &Number) -> Number {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => Number::from(float as i64),
        _ => number.clone(),
    }
}

/// The digest of a value's canonical form.
pub(super) fn fingerprint(value: &Value) -> String {
    let digest = Sha256::digest(canonical(value).to_string().as_bytes());
    let mut text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(DIGITS);
    text
}

/// What a stateful node's fingerprint is made of: its spec and the fingerprints of the parents its state depends on.
pub(super) fn node_fingerprint(operator: &str, params: &Value, parents: &[(&str, &str)]) -> String {
    let parents: Vec<Value> = parents.iter().map(|(name, fingerprint)| Value::from(vec![*name, *fingerprint])).collect();
    let mut digested = Map::new();
    digested.insert("operator".into(), operator.into());
    digested.insert("params".into(), params.clone());
    digested.insert("parents".into(), parents.into());
    fingerprint(&Value::Object(digested))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spelling_does_not_matter() {
        let a: Value = serde_json::from_str(r#"{"b": [1.0, {"y": -0.0, "x": 1e3}], "a": 0.5}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a": 5e-1, "b": [1, {"x": 1000, "y": 0}]}"#).unwrap();
        assert_eq!(canonical(&a).to_string(), r#"{"a":0.5,"b":[1,{"x":1000,"y":0}]}"#);
        assert_eq!(fingerprint(&a), fingerprint(&b));
    }

    #[test]
    fn meaning_does() {
        let base = node_fingerprint("window", &json!({"a": 1}), &[("p", "1")]);
        assert_ne!(base, node_fingerprint("windows", &json!({"a": 1}), &[("p", "1")]));
        assert_ne!(base, node_fingerprint("window", &json!({"a": "1"}), &[("p", "1")]));
        assert_ne!(base, node_fingerprint("window", &json!({"a": 1}), &[("q", "1")]));
        assert_ne!(base, node_fingerprint("window", &json!({"a": 1}), &[("p", "2")]));
        assert_ne!(fingerprint(&json!([1, 2])), fingerprint(&json!([2, 1])));
    }

    /// State on disk carries these: a change here refuses every state there is.
    #[test]
    fn fingerprints_do_not_change_between_versions() {
        assert_eq!(fingerprint(&json!({"a": [1, 0.1, "x", true, null]})), "2f9c0f01140d256550e9228763aad6d9");
    }
}
