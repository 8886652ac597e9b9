//! The types a parameter may have, and how each is read from what a user wrote.

use std::ops::RangeBounds;

use serde_json::Value;

use super::{ChoiceInfo, Duration, NoRange, ParamError, ParamInfo, child};

/// A type that a parameter can have.
pub trait ParamValue: Sized {
    /// What a range of this type runs over: the type itself, its elements, or nothing.
    type Scalar: PartialOrd;

    /// The type in words, as it stands in help texts and errors.
    fn type_text() -> String;

    /// Reads `value`, which stands at `path`.
    ///
    /// # Errors
    /// When the value is of another type or no valid value of this one; all mistakes at once.
    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>>;

    /// The value as a user would write it.
    fn to_value(&self) -> Value;

    /// The names that may be chosen, for choosing types.
    fn choices() -> Vec<ChoiceInfo> {
        Vec::new()
    }

    /// The keys of the value, for types that are an object of parameters.
    fn params() -> Vec<ParamInfo> {
        Vec::new()
    }

    /// A bound of a range in words.
    fn scalar_text(scalar: &Self::Scalar) -> String;

    /// The first part of the value that lies outside `range`, in words.
    fn outside<R: RangeBounds<Self::Scalar>>(&self, range: &R) -> Option<String>;
}

/// What a value is, for messages: `the text "5"`, `the number 3.5`, `a list`.
pub fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing (null, NaN or infinity)".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => format!("the number {n}"),
        Value::String(s) => format!("the text {s:?}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// A number as people write it: very large and very small ones with an exponent.
fn number_text(number: f64) -> String {
    let plain = number == 0.0 || (1e-4..1e6).contains(&number.abs());
    if plain { number.to_string() } else { format!("{number:e}") }
}

/// A default as it is shown: as written, with numbers as people write them.
pub(super) fn default_text(value: &Value) -> String {
    match value {
        Value::Number(n) if n.is_f64() => n.as_f64().map(number_text).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn wrong<T: ParamValue>(path: &[String], value: &Value) -> Vec<ParamError> {
    let error = ParamError::wrong_type(path, value, T::type_text());
    vec![match value {
        Value::String(s) if s.parse::<f64>().is_ok() => error.suggest("write it without quotes"),
        Value::Number(n) if T::type_text().starts_with("whole") && n.as_f64().is_some_and(|f| f.fract() == 0.0 && f >= 0.0) => {
            error.suggest(format!("write {}", n.as_f64().unwrap_or_default()))
        }
        _ => error,
    }]
}

impl ParamValue for f64 {
    type Scalar = f64;

    fn type_text() -> String {
        "number".to_owned()
    }

    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
        value.as_f64().filter(|f| f.is_finite()).ok_or_else(|| wrong::<f64>(path, value))
    }

    fn to_value(&self) -> Value {
        Value::from(*self)
    }

    fn scalar_text(scalar: &f64) -> String {
        number_text(*scalar)
    }

    fn outside<R: RangeBounds<f64>>(&self, range: &R) -> Option<String> {
        (!range.contains(self)).then(|| Self::scalar_text(self))
    }
}

macro_rules! whole_numbers {
    ($($type:ty => $words:literal, $as:ident;)+) => {$(
        impl ParamValue for $type {
            type Scalar = $type;

            fn type_text() -> String {
                $words.to_owned()
            }

            fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
                value.$as().and_then(|n| n.try_into().ok()).ok_or_else(|| wrong::<$type>(path, value))
            }

            fn to_value(&self) -> Value {
                Value::from(*self)
            }

            fn scalar_text(scalar: &$type) -> String {
                scalar.to_string()
            }

            fn outside<R: RangeBounds<$type>>(&self, range: &R) -> Option<String> {
                (!range.contains(self)).then(|| self.to_string())
            }
        }
    )+};
}

whole_numbers! {
    u64 => "whole number of 0 or more", as_u64;
    u32 => "whole number of 0 or more", as_u64;
    usize => "whole number of 0 or more", as_u64;
    i64 => "whole number", as_i64;
}

/// Types without an order: they take no range, so nothing of them can be outside one.
macro_rules! unordered {
    ($($type:ty => $words:literal, $read:expr, $write:expr;)+) => {$(
        impl ParamValue for $type {
            type Scalar = NoRange;

            fn type_text() -> String {
                $words.to_owned()
            }

            fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
                let read: fn(&Value) -> Option<$type> = $read;
                read(value).ok_or_else(|| wrong::<$type>(path, value))
            }

            fn to_value(&self) -> Value {
                let write: fn(&$type) -> Value = $write;
                write(self)
            }

            fn scalar_text(scalar: &NoRange) -> String {
                match *scalar {}
            }

            fn outside<R: RangeBounds<NoRange>>(&self, _: &R) -> Option<String> {
                None
            }
        }
    )+};
}

unordered! {
    bool => "true or false", Value::as_bool, |b| Value::from(*b);
    String => "text", |v| v.as_str().map(str::to_owned), |s| Value::from(s.as_str());
    Value => "name or object", |v| Some(v.clone()), Value::clone;
}

impl ParamValue for Duration {
    type Scalar = Duration;

    fn type_text() -> String {
        "duration such as \"250ms\", \"10s\", \"5m\", \"1h30m\" or \"1d\"".to_owned()
    }

    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
        let error = || ParamError::wrong_type(path, value, format!("a {}", Self::type_text()));
        match value {
            Value::String(text) => text.parse().map_err(|_| vec![error()]),
            Value::Number(n) => Err(vec![error().suggest(format!("say the unit, for instance \"{n}s\" or \"{n}ms\""))]),
            _ => Err(vec![error()]),
        }
    }

    fn to_value(&self) -> Value {
        Value::from(self.to_string())
    }

    fn scalar_text(scalar: &Duration) -> String {
        scalar.to_string()
    }

    fn outside<R: RangeBounds<Duration>>(&self, range: &R) -> Option<String> {
        (!range.contains(self)).then(|| self.to_string())
    }
}

/// `null` and the text `none` mean that there is no value.
impl<T: ParamValue> ParamValue for Option<T> {
    type Scalar = T::Scalar;

    fn type_text() -> String {
        format!("{}, or \"none\"", T::type_text())
    }

    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
        match value {
            Value::Null => Ok(None),
            Value::String(text) if text == "none" => Ok(None),
            _ => T::read_value(value, path).map(Some),
        }
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::from("none"), T::to_value)
    }

    fn choices() -> Vec<ChoiceInfo> {
        T::choices()
    }

    fn params() -> Vec<ParamInfo> {
        T::params()
    }

    fn scalar_text(scalar: &T::Scalar) -> String {
        T::scalar_text(scalar)
    }

    fn outside<R: RangeBounds<T::Scalar>>(&self, range: &R) -> Option<String> {
        self.as_ref().and_then(|value| value.outside(range))
    }
}

/// A range of a list holds for each of its elements.
impl<T: ParamValue> ParamValue for Vec<T> {
    type Scalar = T::Scalar;

    fn type_text() -> String {
        format!("list, each a {}", T::type_text())
    }

    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
        let items = value.as_array().ok_or_else(|| wrong::<Vec<T>>(path, value))?;
        let (mut read, mut errors) = (Vec::with_capacity(items.len()), Vec::new());
        for (position, item) in items.iter().enumerate() {
            match T::read_value(item, &child(path, position.to_string())) {
                Ok(one) => read.push(one),
                Err(more) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(read) } else { Err(errors) }
    }

    fn to_value(&self) -> Value {
        self.iter().map(T::to_value).collect()
    }

    fn choices() -> Vec<ChoiceInfo> {
        T::choices()
    }

    fn params() -> Vec<ParamInfo> {
        T::params()
    }

    fn scalar_text(scalar: &T::Scalar) -> String {
        T::scalar_text(scalar)
    }

    fn outside<R: RangeBounds<T::Scalar>>(&self, range: &R) -> Option<String> {
        self.iter().find_map(|value| value.outside(range))
    }
}
