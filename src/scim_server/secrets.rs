//! Secrets of resources, such as passwords: what is kept of them is a hash, and what is kept is never shown.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory that one hash takes, in KiB. Cheap on purpose, like the single pass: this server stands in for an application
/// in tests, and its writes are measured. A real application would take a hundred times as much.
const MEMORY_KIB: u32 = 256;
const PASSES: u32 = 1;
const LANES: u32 = 1;

/// The argon2id hash of a secret with a salt of its own, as a PHC string; `None` when there is no randomness.
pub(super) fn hash(secret: &str) -> Option<String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Some(argon2.hash_password(secret.as_bytes()).ok()?.to_string())
}

/// True when the hash is that of the secret.
pub(super) fn is_secret_of(hash: &str, secret: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_secret_and_no_other() {
        let first = hash("correct horse").unwrap();
        assert!(is_secret_of(&first, "correct horse"));
        assert!(!is_secret_of(&first, "correct horsf") && !is_secret_of("correct horse", "correct horse"));
        assert_ne!(first, hash("correct horse").unwrap());
    }
}
