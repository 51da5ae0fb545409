//! Which resource is this object. Pure, given the candidates that a look-up brought.

use std::collections::HashMap;

use crate::{
    model::{Claim, ObjectKey, RemovalId, ResourceId, TargetPath},
    scim::Resource,
};

/// A resource that a matching attribute found.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub resource: ResourceId,
    pub content: Resource,
}

/// How an object stands to the target's resources.
#[derive(Clone, Debug, PartialEq)]
pub enum Situation {
    /// The link says which resource it is; matching is not repeated.
    Linked,
    /// The same, with what the resource holds now, because that decides what is sent.
    LinkedAs(Box<Resource>),
    /// Exactly one free resource.
    Matched(Box<Candidate>),
    Unmatched,
    /// Several resources answer to one matching value.
    Ambiguous {
        path: TargetPath,
        candidates: usize,
    },
    /// The one resource is linked to another anchor; `leaving` is that anchor's removal, if one is under way, and `is_gone`
    /// is true when the source has it no more, for good.
    Claimed {
        by: Claim,
        resource: ResourceId,
        leaving: Option<RemovalId>,
        is_gone: bool,
    },
    /// The object has no value for any matching attribute.
    NoMatchingValue,
    /// Nothing would be done whatever was found, so nobody looked.
    NotAsked,
}

/// Judges what the first matching attribute that found anything brought.
pub fn situation(
    key: &ObjectKey,
    path: &TargetPath,
    mut candidates: Vec<Candidate>,
    claims: &HashMap<ResourceId, Claim>,
) -> Situation {
    if candidates.len() > 1 {
        return Situation::Ambiguous { path: path.clone(), candidates: candidates.len() };
    }
    let Some(candidate) = candidates.pop() else { return Situation::Unmatched };
    match claims.get(&candidate.resource) {
        Some(claim) if claim.key != *key => {
            Situation::Claimed { by: claim.clone(), resource: candidate.resource, leaving: None, is_gone: false }
        }
        _ => Situation::Matched(Box::new(candidate)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JobId, ObjectMappingId};

    fn key(anchor: &str) -> ObjectKey {
        ObjectKey { mapping: ObjectMappingId::new("users"), anchor: anchor.into() }
    }

    fn candidate(id: &str) -> Candidate {
        Candidate { resource: id.into(), content: Resource::new("urn:test") }
    }

    #[test]
    fn only_one_free_resource_is_a_match() {
        let claim = |anchor| Claim { job: JobId::new("job"), key: key(anchor) };
        let claims = HashMap::from([("own".into(), claim("ada")), ("taken".into(), claim("bob"))]);
        let path = TargetPath::new("userName");
        for (candidates, expected) in [
            (vec![], Situation::Unmatched),
            (vec![candidate("free")], Situation::Matched(Box::new(candidate("free")))),
            (vec![candidate("own")], Situation::Matched(Box::new(candidate("own")))),
            (
                vec![candidate("taken")],
                Situation::Claimed { by: claim("bob"), resource: "taken".into(), leaving: None, is_gone: false },
            ),
            (vec![candidate("free"), candidate("own")], Situation::Ambiguous { path: path.clone(), candidates: 2 }),
        ] {
            assert_eq!(situation(&key("ada"), &path, candidates, &claims), expected);
        }
    }
}
