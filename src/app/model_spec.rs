//! A model as it is written on the command line: the text that a topology file holds after `model =`, or a file with it.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::errors::UsageError;

/// Reads a model's spec.
///
/// `text` is a name (`knn_regressor`), an inline table of TOML (`{ linear_regression = { l2 = 0.1 } }`), an object of JSON, or the path of a file that
/// ends in `.toml` or `.json`. A TOML file holds the table `[linear_regression]`, or a key `model` as a topology's learner does.
///
/// ```
/// use serde_json::json;
/// use tidemill::app::model_spec::read;
///
/// assert_eq!(read("naive").unwrap(), json!("naive"));
/// let spec = json!({ "linear_regression": { "l2": 0.1 } });
/// assert_eq!(read("{ linear_regression = { l2 = 0.1 } }").unwrap(), spec);
/// assert_eq!(read(r#"{ "linear_regression": { "l2": 0.1 } }"#).unwrap(), spec);
/// assert_eq!(read("linear_regression = { l2 = 0.1 }").unwrap(), spec);
/// ```
///
/// # Errors
/// When the file cannot be read, or the text is neither TOML nor JSON.
pub fn read(text: &str) -> anyhow::Result<Value> {
    let text = text.trim();
    let path = Path::new(text);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if !text.starts_with(['{', '"']) && matches!(ending, "toml" | "json") {
        let content = std::fs::read_to_string(path).with_context(|| format!("cannot read the model file {text}"))?;
        let document = if ending == "json" { json(&content) } else { toml(&content) };
        return document.map(unwrapped).map_err(|cause| UsageError(format!("{text}: {cause}")).into());
    }
    inline(text).map(unwrapped).map_err(|cause| UsageError(format!("--model: {cause}")).into())
}

fn inline(text: &str) -> Result<Value, String> {
    if text.starts_with(['{', '"']) {
        return json(text).or_else(|_| toml(&format!("model = {text}")));
    }
    if text.contains(['=', '[']) {
        return toml(text);
    }
    Ok(Value::from(text))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))
}

fn toml(text: &str) -> Result<Value, String> {
    toml::from_str(text).map_err(|error| format!("not valid TOML: {}", error.to_string().trim_end()))
}

/// The spec itself where it stands under the key `model`.
fn unwrapped(document: Value) -> Value {
    match document {
        Value::Object(mut object) if object.len() == 1 && object.contains_key("model") => {
            object.swap_remove("model").unwrap_or_default()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_holds_the_same_as_the_command_line() {
        let folder = tempfile::tempdir().unwrap();
        let spec = json!({ "pipeline": { "steps": ["standard_scaler", { "knn_regressor": { "n_neighbors": 3 } }] } });
        for (name, text) in [
            ("a.toml", "[pipeline]\nsteps = [\"standard_scaler\", { knn_regressor = { n_neighbors = 3 } }]\n"),
            ("b.toml", "model = { pipeline = { steps = [\"standard_scaler\", { knn_regressor = { n_neighbors = 3 } }] } }\n"),
            ("c.json", r#"{"pipeline":{"steps":["standard_scaler",{"knn_regressor":{"n_neighbors":3}}]}}"#),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(path.to_str().unwrap()).unwrap(), spec, "{name}");
        }
    }

    #[test]
    fn what_is_no_spec_is_told() {
        for (text, told) in [
            ("{ knn_regressor = ", "--model: not valid TOML"),
            ("[knn_regressor", "--model: not valid TOML"),
            ("no/such/file.toml", "cannot read the model file no/such/file.toml"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.starts_with(told), "{error}");
        }
    }
}
