//! What is kept of a value that must not be kept.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::TargetPath;

/// The secret of a job without which nobody can try out which value a [`ValueHash`] was made of.
#[derive(Clone)]
pub struct HashKey([u8; 32]);

/// HMAC-SHA-256 (RFC 2104) of a target attribute and its value. Shows whether a value is another one, and not which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValueHash(String);

impl HashKey {
    /// The hash of a value, in a form that equal values share, of the attribute at `path`.
    pub fn hash(&self, path: &TargetPath, value: &[u8]) -> ValueHash {
        // RFC 2104 has no length of key that it refuses.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        let path = path.as_str().as_bytes();
        // With its length before it no path and value are the same bytes as others.
        mac.update(&(path.len() as u64).to_be_bytes());
        mac.update(path);
        mac.update(value);
        ValueHash(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

impl From<[u8; 32]> for HashKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_key_attribute_and_value() {
        let path = TargetPath::new("password");
        let hash = |key: u8, path: &str, value: &str| HashKey([key; 32]).hash(&TargetPath::new(path), value.as_bytes());
        let one = HashKey([1; 32]).hash(&path, b"Secret!");
        assert_eq!(one, hash(1, "password", "Secret!"));
        for other in [hash(2, "password", "Secret!"), hash(1, "passwor", "dSecret!"), hash(1, "password", "secret!")] {
            assert_ne!(one, other);
        }
        assert!(!format!("{one:?} {:?}", HashKey([1; 32])).contains("ecret"));
    }
}
