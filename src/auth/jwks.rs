//! The keys an issuer publishes, fetched and kept (RFC 7517 section 5).
//!
//! A key that is not known may be new, so the set is fetched again for it; but not for every token that somebody made
//! up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::Denied;
use super::keys::{VerifyingKey, from_jwk_set};
use crate::net::read_bounded;

/// A set of a handful of keys is small; what is longer is something else.
const ANSWER_LIMIT: usize = 512 * 1024;

/// How often a set is fetched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// A set is not looked at again before this.
    pub(super) fresh: Duration,
    /// Between two fetches, whatever is asked for.
    pub(super) pause: Duration,
    /// A set that cannot be fetched any more serves for this long.
    pub(super) stale: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { fresh: Duration::from_secs(600), pause: Duration::from_secs(5), stale: Duration::from_secs(24 * 3600) }
    }
}

/// The published keys of one issuer.
pub(super) struct KeySet {
    url: Url,
    client: reqwest::Client,
    pace: Pace,
    /// Held for a look.
    state: Mutex<State>,
    /// Held by the one who fetches the set, so that many callers cause one request.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Arc<Vec<VerifyingKey>>,
    /// The last time it was fetched.
    fetched: Option<Instant>,
    /// The last time it was tried.
    tried: Option<Instant>,
}

/// What a look at the set says.
struct Look {
    /// The keys, unless they are too old to serve.
    keys: Option<Arc<Vec<VerifyingKey>>>,
    /// True when the key that was asked for is among them.
    known: bool,
    /// True when it is time to fetch them.
    wanted: bool,
}

impl KeySet {
    pub(super) fn new(url: Url, client: reqwest::Client, pace: Pace) -> Self {
        Self { url, client, pace, state: Mutex::default(), fetching: tokio::sync::Mutex::default() }
    }

    /// The keys to check a token with that names this key. Who knows the key does not wait for others to fetch the set;
    /// who does not waits as long as one fetch takes.
    pub(super) async fn keys(&self, key_id: Option<&str>) -> Result<Arc<Vec<VerifyingKey>>, Denied> {
        let look = self.look(key_id);
        if look.wanted {
            let turn = if look.known { self.fetching.try_lock().ok() } else { Some(self.fetching.lock().await) };
            // Somebody may have fetched it meanwhile.
            if turn.is_some() && self.look(key_id).wanted {
                self.renew().await;
            }
        }
        self.look(key_id).keys.ok_or(Denied::KeysUnavailable)
    }

    fn look(&self, key_id: Option<&str>) -> Look {
        let (state, now) = (self.state(), Instant::now());
        let age = state.fetched.map(|fetched| now - fetched);
        let serves = age.is_some_and(|age| age < self.pace.stale);
        let known = serves && key_id.is_none_or(|id| state.keys.iter().any(|key| key.has_id(id)));
        let fresh = age.is_some_and(|age| age < self.pace.fresh);
        let rested = state.tried.is_none_or(|tried| now - tried >= self.pace.pause);
        Look { keys: serves.then(|| Arc::clone(&state.keys)), known, wanted: !(known && fresh) && rested }
    }

    async fn renew(&self) {
        let began = Instant::now();
        let fetched = self.fetch().await;
        let mut state = self.state();
        // Counted from its end: who waited for a fetch that failed does not begin the next one.
        state.tried = Some(Instant::now());
        if let Some(keys) = fetched {
            state.keys = Arc::new(keys);
            state.fetched = Some(began);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What it guards is whole after every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self) -> Option<Vec<VerifyingKey>> {
        let host = self.url.host_str().unwrap_or_default();
        let answer = match self.client.get(self.url.clone()).send().await {
            Ok(answer) if answer.status().is_success() => answer,
            Ok(answer) => {
                tracing::warn!(host, status = answer.status().as_u16(), "the key set of an issuer was refused");
                return None;
            }
            Err(error) => {
                tracing::warn!(
                    host,
                    hint = crate::net::explain(&error).hint,
                    "the key set of an issuer is out of reach"
                );
                return None;
            }
        };
        let keys = read_bounded(answer, ANSWER_LIMIT).await.ok().and_then(|body| from_jwk_set(&body));
        if keys.is_none() {
            tracing::warn!(host, "an issuer publishes something else than a key set");
        }
        keys
    }
}
