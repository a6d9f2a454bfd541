//! TLS in front of a server on loopback that speaks in clear.

use super::super::certs::Certs;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A running front; dropping it closes its port.
pub struct Front {
    pub port: u16,
    certs: Certs,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Front {
    /// TLS for `localhost` by an authority of its own, in front of this port.
    pub fn of(behind: u16) -> Self {
        let certs = Certs::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(certs.server_config());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // a client that does not trust us goes away: not our failure
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let Ok(mut behind) = TcpStream::connect(("127.0.0.1", behind)).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        Self { port, certs, runtime: Some(runtime) }
    }

    /// Writes the authority's certificate into a folder.
    pub fn ca_file(&self, folder: &Path) -> PathBuf {
        let path = folder.join("authority.pem");
        std::fs::write(&path, &self.certs.ca).unwrap();
        path
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
