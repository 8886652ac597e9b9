//! Typed parameters: one declaration gives the struct, its defaults, ranges and documentation, and the checked reading of what a user wrote.
//!
//! Used by models and by the operators of a topology. It knows nothing of files: an error carries the path of keys that leads to the mistake, and
//! whoever read the file turns that path into a line and a column.
//!
//! ```
//! use serde_json::json;
//! use tidemill::learn::params::{Params, above};
//!
//! tidemill::params! {
//!     /// A gentle learner.
//!     pub struct GentleParams {
//!         /// How far one step goes.
//!         learning_rate: f64 = 0.01, in above(0.0);
//!         /// How many records are kept.
//!         window_size: usize = 50, in 1..=100_000, unit "records";
//!     }
//! }
//!
//! let path = vec!["model".to_owned(), "gentle".to_owned()];
//! assert_eq!(GentleParams::read(&json!({ "window_size": 7 }), &path).unwrap().window_size, 7);
//!
//! let errors = GentleParams::read(&json!({ "learning_rat": 0.1, "window_size": 0 }), &path).unwrap_err();
//! assert_eq!(
//!     errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
//!     [
//!         "model.gentle.learning_rat: unknown parameter; expected one of learning_rate, window_size; did you mean `learning_rate`?",
//!         "model.gentle.window_size: 0 is out of range; expected 1 to 100000 (records)",
//!     ]
//! );
//! assert_eq!(GentleParams::describe()[1].default.as_deref(), Some("50"));
//! ```

mod duration;
mod macros;
mod range;
mod reader;
mod value;

pub use duration::Duration;
pub use range::{NoRange, above, above_to, range_text};
pub use reader::{Field, Reader, read_choice, read_single_key};
pub use value::{ParamValue, found};

use serde::Serialize;
use serde_json::Value;

/// What is known of one parameter: the source of help texts, reference pages and checks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParamInfo {
    /// The key as the user writes it.
    pub name: &'static str,
    /// The kind of value, in words: `number`, `whole number`, `text`, `duration`, `list of numbers` ...
    pub type_text: String,
    /// The default as it would be written; `None` for a required parameter.
    pub default: Option<String>,
    /// The allowed range in words, where there is one.
    pub range: Option<String>,
    /// What the parameter does.
    pub doc: String,
    /// The unit of the value, where it has one.
    pub unit: Option<&'static str>,
    /// The allowed names, for parameters that choose among named things.
    pub choices: Vec<ChoiceInfo>,
    /// The keys of the value, for parameters that are themselves an object of parameters.
    pub params: Vec<ParamInfo>,
}

/// One of the names that a choosing parameter may take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChoiceInfo {
    /// The name as the user writes it.
    pub name: &'static str,
    /// What it stands for.
    pub doc: String,
    /// The parameters it takes itself: `{ adam = { beta_1 = 0.9 } }`.
    pub params: Vec<ParamInfo>,
}

impl ChoiceInfo {
    /// A choice with these documentation lines and parameters.
    pub fn new(name: &'static str, doc: &[&str], params: &[ParamInfo]) -> Self {
        ChoiceInfo { name, doc: reader::doc_text(doc), params: params.to_vec() }
    }
}

/// The kind of mistake in a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamErrorKind {
    /// No parameter (or no choice) has this name.
    Unknown,
    /// The value is of another type.
    WrongType,
    /// The value is outside the allowed range.
    OutOfRange,
    /// A required parameter is absent; the path ends in its name, which the file does not hold.
    Missing,
    /// The values contradict each other, or cannot be used together.
    Conflict,
}

/// One mistake in what a user wrote, with the way to it and out of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{}: {message}{}{}", path.join("."), expected_text(expected), suggestion_text(suggestion))]
pub struct ParamError {
    /// What sort of mistake.
    pub kind: ParamErrorKind,
    /// The keys from the top of the document to the mistake, list positions as decimal numbers. The longest part of it that exists in the
    /// file is the place to point at.
    pub path: Vec<String>,
    /// What is wrong, naming what was found.
    pub message: String,
    /// What would be right; empty where the message says it all.
    pub expected: String,
    /// What the user probably meant, or can do.
    pub suggestion: Option<String>,
}

fn expected_text(expected: &str) -> String {
    if expected.is_empty() { String::new() } else { format!("; expected {expected}") }
}

fn suggestion_text(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|s| format!("; {s}")).unwrap_or_default()
}

impl ParamError {
    /// An error at `path` without a suggestion.
    pub fn new(kind: ParamErrorKind, path: &[String], message: impl Into<String>, expected: impl Into<String>) -> Self {
        ParamError { kind, path: path.to_vec(), message: message.into(), expected: expected.into(), suggestion: None }
    }

    /// The same error with a suggestion.
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// An unknown name: `what` is the noun ("parameter", "model"), `candidates` the valid names.
    pub fn unknown(path: &[String], what: &str, name: &str, candidates: &[&str]) -> Self {
        let expected = if candidates.is_empty() { "none".to_owned() } else { format!("one of {}", candidates.join(", ")) };
        let error = ParamError::new(ParamErrorKind::Unknown, path, format!("unknown {what}"), expected);
        match nearest(name, candidates.iter().copied()) {
            Some(near) => error.suggest(format!("did you mean `{near}`?")),
            None => error,
        }
    }

    /// A value of the wrong type: names what was found and what type was expected.
    pub fn wrong_type(path: &[String], value: &Value, expected: impl Into<String>) -> Self {
        ParamError::new(ParamErrorKind::WrongType, path, format!("found {}", found(value)), expected)
    }
}

/// Parameters that [`params!`](crate::params) declared.
pub trait Params: Sized {
    /// What each parameter is, in the order of declaration.
    fn describe() -> &'static [ParamInfo];

    /// Reads and checks `value`, an object of parameters that stands at `path`; absent ones take their defaults, `null` means no parameters.
    ///
    /// # Errors
    /// Every mistake at once: unknown keys, wrong types, values out of range, missing parameters.
    fn read(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>>;

    /// The parameters as an object that [`read`](Self::read) takes: every one written out.
    fn to_value(&self) -> Value;
}

/// The path one key further down.
pub fn child(path: &[String], key: impl Into<String>) -> Vec<String> {
    let mut longer = path.to_vec();
    longer.push(key.into());
    longer
}

/// The candidate that `name` is probably a slip of, if any is near enough; the first of equals. Case, `-` and `_` make no difference.
///
/// ```
/// use tidemill::learn::params::nearest;
/// assert_eq!(nearest("learnin-rate", ["l2", "learning_rate"]), Some("learning_rate"));
/// assert_eq!(nearest("colour", ["l2", "learning_rate"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR_ENOUGH: f64 = 0.8;
    let plain = |s: &str| s.to_lowercase().replace(['-', ' '], "_");
    let wanted = plain(name);
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let score = strsim::jaro_winkler(&wanted, &plain(candidate));
        if score >= NEAR_ENOUGH && best.is_none_or(|(top, _)| score > top) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
