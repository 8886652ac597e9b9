//! HTTP: health, metrics, interactive queries, topics as pages and as live streams.
//!
//! Read-only. Loopback by default; another address needs a bearer token or the explicit word that none is wanted. It knows what the runtime tells
//! and what the log holds, and nothing of how state is made.

mod api;
mod auth;
mod openapi;
mod server;
mod state;
mod stream;
mod topics;

pub use openapi::openapi;
pub use server::{Backend, HttpError, HttpServer, HttpSettings};
pub use state::describe_state;
pub use topics::{read_lines, topic_json};
