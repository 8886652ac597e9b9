//! Asking a running instance over HTTP.

use std::time::Duration;

use anyhow::{Context, bail};

use super::state_dir::RunningInstance;
use crate::config::Config;

/// Longest wait for a connection, and for the whole of an answer.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(30);

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
        Ok(Remote::at(&instance.url, super::secret::token(config)?, ANSWER))
    }

    /// A client of the instance at `url`, which waits `patience` for each answer. An address without a scheme is taken for plain HTTP.
    pub fn at(url: &str, token: Option<String>, patience: Duration) -> Self {
        let settings = ureq::Agent::config_builder()
            .timeout_connect(Some(patience.min(CONNECT)))
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .build();
        let url = url.trim_end_matches('/');
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        Remote { agent: settings.into(), url, token }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
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
