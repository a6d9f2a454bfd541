//! What only the program knows that asked for access: the verifier of its code (PKCE, RFC 7636), and the state that comes
//! back with it.

use crate::edge::tls::{self, TlsError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// 43 characters that nobody guesses (RFC 7636, 4.1: 32 random bytes).
///
/// # Errors
/// The system has no random numbers.
pub(super) fn random() -> Result<SecretString, TlsError> {
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(tls::random()?)))
}

/// The challenge of a verifier by the method S256 (RFC 7636, 4.2).
pub(super) fn challenge(verifier: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret()))
}

/// Whether two texts are the same, in a time that tells nothing of where they differ: digests are compared.
pub(super) fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B
        let verifier = SecretString::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn verifiers_are_long_enough_and_differ() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!(one.expose_secret().len(), 43);
        assert!(!same(one.expose_secret(), other.expose_secret()) && same("x", "x"));
    }
}
