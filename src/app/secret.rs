//! Secrets by reference: `env:NAME` or `file:PATH`. The secret itself never stands in a configuration, and is never printed.

use anyhow::{Context, bail};

use crate::config::Config;

/// The bearer token that `http.token` refers to, if it refers to one.
///
/// # Errors
/// As [`resolve`].
pub fn token(config: &Config) -> anyhow::Result<Option<String>> {
    match config.text("http.token") {
        "" => Ok(None),
        reference => resolve("http.token", reference).map(Some),
    }
}

/// The secret that `reference`, the value of `key`, leads to, without white space around it.
///
/// ```
/// assert!(tidemill::app::secret::resolve("kafka.sasl.password", "file:/no/such/file").is_err());
/// ```
///
/// # Errors
/// When the reference is of no known form, leads nowhere, or to nothing.
pub fn resolve(key: &str, reference: &str) -> anyhow::Result<String> {
    let secret = match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name).with_context(|| format!("{key} refers to the environment variable {name}"))?,
        Some(("file", path)) => std::fs::read_to_string(path).with_context(|| format!("{key} refers to the file {path}"))?,
        _ => bail!("{key} must be env:NAME or file:PATH, so that the secret itself stands in no configuration"),
    };
    let secret = secret.trim().to_owned();
    if secret.is_empty() {
        bail!("{key}: {reference} is empty");
    }
    Ok(secret)
}
