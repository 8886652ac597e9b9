//! The server: where it listens, who may ask, and its life.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer as ActixServer, middleware, web};
use thiserror::Error;

use super::auth::{Token, check_token};
use super::{api, stream};
use crate::log::Log;
use crate::runtime::InstanceHandle;
use crate::store::CheckpointStore;
use crate::telemetry::Telemetry;
use crate::topology::Graph;

/// Where to listen and who may ask.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Address or name of the interface.
    pub host: String,
    /// Port; 0 takes a free one.
    pub port: u16,
    /// The bearer token that requests must carry. Health and metrics need none on loopback.
    pub token: Option<String>,
    /// Serve other addresses than loopback without a token.
    pub insecure: bool,
}

/// What the server tells about.
pub struct Backend {
    /// The topology that runs.
    pub graph: Arc<Graph>,
    /// The instance that runs it.
    pub instance: Arc<InstanceHandle>,
    /// The log it runs on.
    pub log: Arc<dyn Log>,
    /// Its checkpoints.
    pub store: Arc<dyn CheckpointStore>,
    /// Its metrics.
    pub telemetry: Arc<Telemetry>,
}

/// A server that does not start.
#[derive(Debug, Error)]
pub enum HttpError {
    /// No such address.
    #[error("http.host {host:?} is no address of this machine: {cause}")]
    Address {
        /// What was configured.
        host: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// An address others can reach, and nothing that keeps them out.
    #[error(
        "http.host {0} can be reached from other machines: set http.token to env:NAME or file:PATH, or http.insecure=true to serve everybody"
    )]
    Open(SocketAddr),
    /// The port is taken.
    #[error("cannot listen on {address}: {cause}; set http.port to a free port, or to 0 to take any")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The server's thread does not start.
    #[error("the HTTP server does not start: {0}")]
    Start(std::io::Error),
}

/// A running server; it stops when dropped.
pub struct HttpServer {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Starts serving on a thread of its own.
    ///
    /// # Errors
    /// When the address is wrong, taken, or open to others without a token.
    pub fn start(settings: &HttpSettings, backend: Backend) -> Result<Self, HttpError> {
        let listener = bind(settings)?;
        let address = listener.local_addr().map_err(HttpError::Start)?;
        let backend = web::Data::new(backend);
        let token = web::Data::new(Token::new(settings.token.as_deref()));
        let (started, server) = std::sync::mpsc::channel();
        let serve = move || {
            actix_rt::System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .app_data(backend.clone())
                        .app_data(token.clone())
                        .wrap(middleware::from_fn(check_token))
                        .configure(api::routes)
                        .configure(stream::routes)
                };
                let server =
                    ActixServer::new(app).workers(1).disable_signals().shutdown_timeout(1).listen(listener).map(|s| s.run());
                let handle =
                    server.as_ref().map(|server| server.handle()).map_err(|error| std::io::Error::other(error.to_string()));
                // The receiver waits for exactly this message; it is gone only if its thread has died.
                let _ = started.send(handle);
                if let Ok(server) = server {
                    // Errors of the running server concern single connections; it ends by our own handle.
                    let _ = server.await;
                }
            });
        };
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(serve).map_err(HttpError::Start)?;
        let gone = || HttpError::Start(std::io::Error::other("its thread ended"));
        let handle = server.recv().map_err(|_| gone())?.map_err(HttpError::Start)?;
        Ok(HttpServer { address, handle, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as people write it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // The stop is sent at once; the future only waits for connections to close, which the thread's end does too.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

fn bind(settings: &HttpSettings) -> Result<TcpListener, HttpError> {
    let wrong = |cause| HttpError::Address { host: settings.host.clone(), cause };
    let mut addresses = (settings.host.as_str(), settings.port).to_socket_addrs().map_err(wrong)?;
    let address = addresses.next().ok_or_else(|| wrong(std::io::Error::other("it has no address")))?;
    if !address.ip().is_loopback() && settings.token.is_none() && !settings.insecure {
        return Err(HttpError::Open(address));
    }
    TcpListener::bind(address).map_err(|cause| HttpError::Bind { address, cause })
}
