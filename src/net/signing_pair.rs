//! A key pair that signs tokens, drawn for the process.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use super::NetError;

/// A pair of keys on the curve P-256.
pub struct SigningPair {
    pkcs8: Vec<u8>,
    public: Vec<u8>,
}

impl SigningPair {
    /// A new pair.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn generate() -> Result<Self, NetError> {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| NetError::NoRandomness)?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).map_err(|_| NetError::NoRandomness)?;
        Ok(Self { public: pair.public_key().as_ref().to_vec(), pkcs8: pkcs8.as_ref().to_vec() })
    }

    /// The private key (PKCS #8, DER).
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key, an uncompressed point: 4, then 32 bytes each of x and y.
    pub fn public_key(&self) -> &[u8] {
        &self.public
    }
}

impl std::fmt::Debug for SigningPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningPair").finish_non_exhaustive()
    }
}
