//! Secrets by reference: `env:NAME` or `file:PATH`. The secret itself never stands in a configuration, and is never printed.

use anyhow::{Context, bail};

use crate::config::Config;

/// The bearer token that `http.token` refers to, if it refers to one.
///
/// # Errors
/// When the reference is of no known form, or leads nowhere.
pub fn token(config: &Config) -> anyhow::Result<Option<String>> {
    let reference = config.text("http.token");
    if reference.is_empty() {
        return Ok(None);
    }
    let secret = match reference.split_once(':') {
        Some(("env", name)) => {
            std::env::var(name).with_context(|| format!("http.token refers to the environment variable {name}"))?
        }
        Some(("file", path)) => std::fs::read_to_string(path).with_context(|| format!("http.token refers to the file {path}"))?,
        _ => bail!("http.token must be env:NAME or file:PATH, so that the token itself stands in no configuration"),
    };
    let secret = secret.trim().to_owned();
    if secret.is_empty() {
        bail!("http.token: {reference} is empty");
    }
    Ok(Some(secret))
}
