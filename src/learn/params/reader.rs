//! Reading one object of parameters and collecting every mistake in it.

use std::ops::RangeBounds;

use serde_json::{Map, Value};

use super::{ChoiceInfo, ParamError, ParamErrorKind, ParamInfo, ParamValue, child, range_text, value::default_text};

/// One parameter as [`params!`](crate::params) declares it: the default and the range in force.
pub struct Field<T, R> {
    /// The key.
    pub name: &'static str,
    /// What an absent key means; `None` for a required one.
    pub default: Option<fn() -> T>,
    /// The allowed values.
    pub range: Option<R>,
    /// The unit, for messages.
    pub unit: Option<&'static str>,
}

impl<T: ParamValue, R: RangeBounds<T::Scalar>> Field<T, R> {
    /// What is known of this parameter, with these documentation lines.
    pub fn info(&self, doc: &[&str]) -> ParamInfo {
        ParamInfo {
            name: self.name,
            type_text: T::type_text(),
            default: self.default.map(|default| shown_default(&default())),
            range: self.range_text(),
            doc: doc_text(doc),
            unit: self.unit,
            choices: T::choices(),
            params: T::params(),
        }
    }

    fn range_text(&self) -> Option<String> {
        self.range.as_ref().map(|range| range_text(range, &T::scalar_text))
    }

    fn read(&self, value: &Value, path: &[String]) -> Result<T, Vec<ParamError>> {
        let read = T::read_value(value, path)?;
        let Some((range, outside)) = self.range.as_ref().and_then(|r| read.outside(r).map(|found| (r, found))) else {
            return Ok(read);
        };
        let unit = self.unit.map(|unit| format!(" ({unit})")).unwrap_or_default();
        let expected = format!("{}{unit}", range_text(range, &T::scalar_text));
        Err(vec![ParamError::new(ParamErrorKind::OutOfRange, path, format!("{outside} is out of range"), expected)])
    }
}

/// A default as it is shown. A table that may be left out means the defaults of its keys, which are told with them.
fn shown_default<T: ParamValue>(default: &T) -> String {
    match default.to_value() {
        Value::Object(_) if !T::params().is_empty() => "{}".to_owned(),
        value => default_text(&value),
    }
}

/// Documentation lines as one text.
pub(super) fn doc_text(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// Reads the parameters of one object, one after the other.
pub struct Reader<'a> {
    object: Option<&'a Map<String, Value>>,
    path: &'a [String],
    errors: Vec<ParamError>,
}

impl<'a> Reader<'a> {
    /// Starts on `value`, which stands at `path`; keys that `known` does not name are mistakes.
    pub fn new(value: &'a Value, path: &'a [String], known: &[ParamInfo]) -> Self {
        let mut reader = Reader { object: value.as_object(), path, errors: Vec::new() };
        if reader.object.is_none() && !value.is_null() {
            reader.errors.push(ParamError::wrong_type(path, value, "an object of parameters"));
        }
        let names: Vec<&str> = known.iter().map(|info| info.name).collect();
        for key in reader.object.into_iter().flat_map(Map::keys).filter(|key| !names.contains(&key.as_str())) {
            reader.errors.push(ParamError::unknown(&child(path, key), "parameter", key, &names));
        }
        reader
    }

    /// The value of one parameter; `None` after a mistake, which is then noted.
    pub fn take<T: ParamValue, R: RangeBounds<T::Scalar>>(&mut self, field: &Field<T, R>) -> Option<T> {
        let path = child(self.path, field.name);
        match (self.object.and_then(|object| object.get(field.name)), field.default) {
            (Some(value), _) => field.read(value, &path).map_err(|errors| self.errors.extend(errors)).ok(),
            (None, Some(default)) => Some(default()),
            (None, None) => {
                let expected = [Some(T::type_text()), field.range_text()].into_iter().flatten().collect::<Vec<_>>().join(", ");
                self.errors.push(ParamError::new(ParamErrorKind::Missing, &path, "this parameter is required", expected));
                None
            }
        }
    }

    /// The mistakes so far.
    pub fn errors(self) -> Vec<ParamError> {
        self.errors
    }
}

/// The text of `value` if it is one of the names of `choices`, else the error that names them.
///
/// # Errors
/// When the value is no text or an unknown name; the nearest one is suggested.
pub fn read_choice<'a>(value: &'a Value, path: &[String], choices: &[ChoiceInfo]) -> Result<&'a str, Vec<ParamError>> {
    let names: Vec<&str> = choices.iter().map(|choice| choice.name).collect();
    let text = value.as_str().ok_or_else(|| vec![ParamError::wrong_type(path, value, format!("one of {}", names.join(", ")))])?;
    if names.contains(&text) {
        return Ok(text);
    }
    Err(vec![ParamError::unknown(path, &format!("value `{text}`"), text, &names)])
}

/// Reads a named thing with parameters: `"adam"`, or `{"adam": {...}}` with exactly one key. Gives the name, its parameters (`null` for none) and
/// the path at which those stand.
///
/// # Errors
/// When the value is neither a text nor an object with one key.
pub fn read_single_key<'a>(value: &'a Value, path: &[String]) -> Result<(&'a str, &'a Value, Vec<String>), Vec<ParamError>> {
    let expected = "a name, or an object with the name as its only key and the parameters as its value";
    match value {
        Value::String(name) => Ok((name, &Value::Null, path.to_vec())),
        Value::Object(object) if object.len() == 1 => {
            let (name, params) = object.iter().next().ok_or_else(|| vec![ParamError::wrong_type(path, value, expected)])?;
            Ok((name, params, child(path, name)))
        }
        Value::Object(object) => {
            let message = format!("found an object with {} keys", object.len());
            Err(vec![ParamError::new(ParamErrorKind::WrongType, path, message, expected)])
        }
        _ => Err(vec![ParamError::wrong_type(path, value, expected)]),
    }
}
