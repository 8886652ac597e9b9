//! Asking a running instance over HTTP.

use std::time::Duration;

use anyhow::{Context, bail};

use super::state_dir::RunningInstance;
use crate::config::Config;

/// A client of one instance.
pub struct Remote {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

impl Remote {
    /// A client of the instance that left this note.
    ///
    /// # Errors
    /// When the token that the configuration refers to cannot be read.
    pub fn of(instance: &RunningInstance, config: &Config) -> anyhow::Result<Self> {
        let settings =
            ureq::Agent::config_builder().timeout_connect(Some(Duration::from_secs(2))).http_status_as_error(false).build();
        Ok(Remote { agent: settings.into(), url: instance.url.clone(), token: super::secret::token(config)? })
    }

    /// Whether the instance answers.
    pub fn alive(&self) -> bool {
        self.get("/livez").is_ok()
    }

    /// The body of the answer to a GET request for `path`, query included.
    ///
    /// # Errors
    /// When nobody answers, or the answer is an error.
    pub fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut answer = request.call().with_context(|| format!("the instance at {} does not answer", self.url))?;
        let status = answer.status();
        let body = answer.body_mut().read_to_string().with_context(|| format!("the answer of {}{path} breaks off", self.url))?;
        if !status.is_success() {
            bail!("{}{path} answers {status}: {}", self.url, body.trim());
        }
        Ok(body)
    }
}
