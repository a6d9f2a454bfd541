//! Which certificates are trusted: those of the system, and one more where the configuration names it; or just one key.

mod certificate;
mod pin;
mod shown;
mod trouble;
mod verifier;

pub use pin::{NoPin, Pin};
pub use shown::Shown;
pub use trouble::{Reason, TlsTrouble};

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use verifier::Verifier;

/// Why TLS cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file cannot be read.
    #[error("cannot read the certificates in {path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The system's trust store or the provider cannot be used.
    #[error("cannot prepare TLS: {0}")]
    Setup(#[from] tokio_rustls::rustls::Error),
}

/// 32 bytes that nobody can guess.
///
/// # Errors
/// The system has no random numbers.
pub fn random() -> Result<[u8; 32], TlsError> {
    let mut bytes = [0; 32];
    let filled = ring::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| tokio_rustls::rustls::Error::FailedToGetRandomBytes)?;
    Ok(bytes)
}

/// A client's TLS: ring, the system's trust store, and the certificates of `ca_file` (PEM) besides. A certificate that
/// is not accepted is told as a [`TlsTrouble`] ([`TlsTrouble::within`] finds it in any error).
///
/// # Errors
/// The file cannot be read or holds no certificate, or the system's trust store cannot be used.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let more = match ca_file {
        None => Vec::new(),
        Some(path) => certificates(path)?,
    };
    let provider = Arc::new(ring::default_provider());
    config(if more.is_empty() { system(&provider)? } else { Arc::new(Verifier::of_system(more, &provider)?) })
}

/// A client's TLS that accepts one key, and nothing else: names, dates and signatures beside it do not matter.
///
/// # Errors
/// The provider cannot be used.
pub fn pinned_config(pin: Pin) -> Result<ClientConfig, TlsError> {
    config(Arc::new(Verifier::of_pin(pin, &Arc::new(ring::default_provider()))))
}

fn config(verifier: Arc<Verifier>) -> Result<ClientConfig, TlsError> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// The system's trust store, read once for all accounts and channels.
fn system(provider: &Arc<CryptoProvider>) -> Result<Arc<Verifier>, TlsError> {
    static READ: OnceLock<Arc<Verifier>> = OnceLock::new();
    if let Some(read) = READ.get() {
        return Ok(Arc::clone(read));
    }
    let verifier = Arc::new(Verifier::of_system(Vec::new(), provider)?);
    Ok(Arc::clone(READ.get_or_init(|| verifier)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |why: String| TlsError::File { path: path.to_path_buf(), why };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|error| failed(error.to_string()))?
        .collect::<Result<_, _>>()
        .map_err(|error| failed(error.to_string()))?;
    if found.is_empty() {
        return Err(failed("there is none (is it PEM?)".to_owned()));
    }
    Ok(found)
}
