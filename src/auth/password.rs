//! Comparing what a caller sends with what is known, in a time that tells nothing.

use std::sync::{Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::secret::Secret;

/// True when both are the same text. Digests are compared, byte by byte to the end: neither the length nor the place of
/// the first difference shows in the time it takes.
pub(super) fn same(known: &Secret, given: &[u8]) -> bool {
    equal(&Sha256::digest(known.expose().as_bytes()).into(), &Sha256::digest(given).into())
}

fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

/// A password as it is kept.
pub(super) enum Password {
    Plain(Secret),
    Hashed(Box<HashedPassword>),
}

/// An argon2 hash, and the proof that a password has matched it before: argon2 is slow on purpose, and a client sends
/// its password with every request.
pub(super) struct HashedPassword {
    hash: PasswordHash,
    /// Makes the proof worthless outside of this process.
    pepper: [u8; 32],
    /// Guards the digest of the password that matched; held for a copy.
    proven: Mutex<Option<[u8; 32]>>,
}

impl HashedPassword {
    /// Reads a PHC string. `None` when it is not one, or not of argon2.
    pub(super) fn parse(text: &Secret) -> Option<Self> {
        let hash = PasswordHash::new(text.expose()).ok()?;
        if !hash.algorithm.as_str().starts_with("argon2") || hash.hash.is_none() {
            return None;
        }
        let mut pepper = [0; 32];
        rand::rng().fill_bytes(&mut pepper);
        Some(Self { hash, pepper, proven: Mutex::default() })
    }

    /// True when this password has matched before.
    pub(super) fn is_proven(&self, given: &[u8]) -> bool {
        let proven = *self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.is_some_and(|proven| equal(&proven, &self.digest(given)))
    }

    /// Computes the hash, which takes tens of milliseconds and a good deal of memory: not for a thread that serves
    /// others.
    pub(super) fn verify(&self, given: &[u8]) -> bool {
        let matches = Argon2::default().verify_password(given, &self.hash).is_ok();
        if matches {
            *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.digest(given));
        }
        matches
    }

    fn digest(&self, given: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update(self.pepper).chain_update(given).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Params, Version};

    use super::*;

    #[test]
    fn a_hashed_password_is_verified_and_then_known() {
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let hash = cheap.hash_password(b"secret").unwrap().to_string();
        let password = HashedPassword::parse(&Secret::new(hash)).unwrap();
        assert!(!password.is_proven(b"secret") && !password.verify(b"other") && !password.is_proven(b"other"));
        assert!(password.verify(b"secret") && password.is_proven(b"secret") && !password.is_proven(b"other"));
    }

    #[test]
    fn only_hashes_of_argon2_are_taken() {
        for text in ["", "secret", "$argon2id$v=19$m=8,t=1,p=1", "$2b$12$abcdefghijklmnopqrstuv", "$pbkdf2$abcd$abcd"] {
            assert!(HashedPassword::parse(&Secret::new(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn texts_are_the_same_only_as_a_whole() {
        let known = Secret::new("token");
        assert!(same(&known, b"token"));
        for other in ["", "toke", "tokens", "Token", "token\0"] {
            assert!(!same(&known, other.as_bytes()), "{other}");
        }
    }
}
