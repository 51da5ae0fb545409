//! What an expression needs of the world: a clock, a domain, and where drawn values come from.

use std::fmt;

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What an expression needs of the world.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The clock, the same for all mappings of an object.
    pub now: DateTime<Utc>,
    /// What `DefaultDomain` answers, without `@`.
    pub default_domain: Option<&'a str>,
    pub draw: Draw<'a>,
}

/// What a drawn value depends on. Objects, attributes and calls draw different values, a repeated evaluation within
/// the life of the seed the same.
#[derive(Clone, Copy, Debug)]
pub struct Draw<'a> {
    pub seed: &'a Seed,
    pub job: &'a str,
    /// The object mapping and the anchor of the object.
    pub object: [&'a str; 2],
    /// The path of the target attribute.
    pub target: &'a str,
}

/// The secret that nobody who reads a schema and knows an object can guess a drawn password without. Never stored.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl<'a> Context<'a> {
    /// The same for the expression of this target attribute.
    pub fn for_target(self, target: &'a str) -> Self {
        Self { draw: Draw { target, ..self.draw }, ..self }
    }
}

impl Draw<'_> {
    /// The seed of the call at `position` of the expression: HMAC-SHA-256 (RFC 2104) of all it depends on.
    pub(super) fn seed_at(&self, position: usize) -> [u8; 32] {
        // RFC 2104 has no length of key that it refuses.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.seed.0).expect("HMAC takes a key of any length");
        let [mapping, anchor] = self.object;
        for part in [self.job, mapping, anchor, self.target] {
            // With its length before it no two lists of parts are the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&(position as u64).to_be_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl From<[u8; 32]> for Seed {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}
