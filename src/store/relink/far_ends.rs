//! References to an object whose resource goes over to another one lead there.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Anchor, Export, JobId, ObjectKey};
use crate::store::StoreError;
use crate::store::columns::Word;
use crate::store::edges::{self, FLAT, Row};
use crate::store::keys::key;
use crate::store::tables::edges as table;

use super::Relink;

/// Links that are looked through at once.
const AT_ONCE: usize = 50;

/// Leads every reference to a former object to the one that has its resource now. Answers whose references these were.
pub(super) fn follow(
    tx: &mut Backend,
    jobs: &[String],
    relinks: &[&Relink],
) -> Result<HashSet<(JobId, ObjectKey)>, StoreError> {
    let mut touched = HashSet::new();
    for relinks in relinks.chunks(AT_ONCE) {
        let mut by_end: HashMap<&str, &Relink> = HashMap::new();
        for relink in relinks {
            by_end.insert(relink.former.as_str(), relink);
            by_end.insert(relink.key.anchor.as_str(), relink);
        }
        let ends: Vec<&str> = by_end.keys().copied().collect();
        let mut by_owner: BTreeMap<(String, String, String, String, Anchor), Vec<Row>> = BTreeMap::new();
        for batch in batches(&ends) {
            let rows = on_each!(tx, c => table::table
                .filter(table::job.any_of(jobs.iter().map(String::as_str)))
                .filter(table::to_anchor.any_of(batch.iter().copied()))
                .select(Row::as_select())
                .load::<Row>(c))?;
            for row in rows {
                let Some(relink) = row.to_anchor.as_deref().and_then(|end| by_end.get(end)) else { continue };
                let (job, mapping, from) = (row.job.clone(), row.mapping.clone(), row.from_anchor.clone());
                let owner = (job, mapping, from, row.attribute.clone(), relink.former.clone());
                by_owner.entry(owner).or_default().push(row);
            }
        }
        let (mut saved, mut removed) = (Vec::new(), Vec::new());
        for ((job, mapping, from, _, former), rows) in by_owner {
            let Some(relink) = by_end.get(former.as_str()) else { continue };
            let followed = followed(rows, relink);
            if !followed.saved.is_empty() || !followed.removed.is_empty() {
                touched.insert((JobId::new(job), key(mapping, from)));
            }
            saved.extend(followed.saved);
            removed.extend(followed.removed);
        }
        edges::remove(tx, &removed)?;
        edges::save(tx, &saved)?;
    }
    Ok(touched)
}

/// What is different of references.
struct Followed {
    saved: Vec<Row>,
    /// By their keys.
    removed: Vec<Row>,
}

/// The references of one attribute of one object to either end of a relink, when they all lead to the new one: what the
/// target holds for any of them it holds for all, so nothing is sent twice, and nothing is taken away that is wanted.
/// What was sent as another resource stays as it is.
fn followed(rows: Vec<Row>, relink: &Relink) -> Followed {
    let resource = relink.resource.as_str();
    let is_held = |row: &Row| row.is_sent() && row.exported_as.as_deref() == Some(resource);
    let concerns = |row: &Row| is_held(row) || !row.is_sent();
    let (rows, others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(concerns);
    let mut stored: BTreeMap<String, Row> = rows.into_iter().map(|row| (row.reference.clone(), row)).collect();
    let held = stored.values().filter(|row| is_held(row));
    let export = held.map(|row| row.export.clone()).max_by_key(|export| *export == Export::Exported.word());
    let mut now: BTreeMap<String, Row> = BTreeMap::new();
    for row in stored.values() {
        let mut row = Row { to_anchor: Some(relink.key.anchor.as_str().to_owned()), ..row.clone() };
        // What follows from other references is named by where it leads.
        let renamed = [FLAT, relink.key.anchor.as_str()].concat();
        let is_flat = row.reference.strip_prefix(FLAT) == Some(relink.former.as_str());
        if is_flat && others.iter().all(|other| other.reference != renamed) {
            row.reference = renamed;
        }
        let wanted = row.wanted;
        let kept = now.entry(row.reference.clone()).or_insert(row);
        kept.wanted |= wanted;
    }
    if let Some(export) = export {
        let any_wanted = now.values().any(|row| row.wanted);
        now.retain(|_, row| row.wanted || !any_wanted);
        for row in now.values_mut().filter(|row| !is_held(row)) {
            row.export.clone_from(&export);
            row.exported_as = Some(resource.to_owned());
        }
    }
    let saved = now.values().filter(|row| stored.get(&row.reference) != Some(row)).cloned().collect();
    stored.retain(|reference, _| !now.contains_key(reference));
    Followed { saved, removed: stored.into_values().collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{ObjectMappingId, ResourceId};

    const FORMER: &str = "former";
    const NEW: &str = "new";

    fn relink() -> Relink {
        let key = ObjectKey { mapping: ObjectMappingId::new("users"), anchor: Anchor::from(NEW) };
        Relink { key, former: Anchor::from(FORMER), resource: ResourceId::from("r"), log: Vec::new() }
    }

    /// A reference of a group; `sent` is the resource it was sent as.
    fn row(reference: &str, to: &str, wanted: bool, sent: Option<&str>) -> Row {
        Row {
            job: "job".to_owned(),
            mapping: "groups".to_owned(),
            from_anchor: "group".to_owned(),
            attribute: "members".to_owned(),
            reference: reference.to_owned(),
            to_anchor: Some(to.to_owned()),
            wanted,
            export: if sent.is_some() { Export::Exported } else { Export::Never }.word().to_owned(),
            exported_as: sent.map(str::to_owned),
            generation: 1,
            nested: false,
        }
    }

    /// The rows as they are afterwards.
    fn after(rows: &[Row]) -> Vec<Row> {
        let Followed { saved, removed } = followed(rows.to_vec(), &relink());
        let mut now: BTreeMap<String, Row> = rows.iter().map(|row| (row.reference.clone(), row.clone())).collect();
        for row in removed {
            assert!(now.remove(&row.reference).is_some(), "what is removed was there");
        }
        now.extend(saved.into_iter().map(|row| (row.reference.clone(), row)));
        now.into_values().collect()
    }

    #[test]
    fn what_was_sent_for_the_one_counts_as_sent_for_the_other() {
        for (case, before, expected) in [
            (
                "another id",
                vec![row("id:former", FORMER, false, Some("r")), row("id:new", NEW, true, None)],
                vec![row("id:new", NEW, true, Some("r"))],
            ),
            (
                "a name that changed hands",
                vec![row("dn:u", NEW, true, None), row("gone:r", FORMER, false, Some("r"))],
                vec![row("dn:u", NEW, true, Some("r"))],
            ),
            (
                "who is no longer a member is still to be taken out",
                vec![row("id:former", FORMER, false, Some("r"))],
                vec![row("id:former", NEW, false, Some("r"))],
            ),
            (
                "through a group in it",
                vec![row("flat:former", FORMER, false, Some("r")), row("flat:new", NEW, true, None)],
                vec![row("flat:new", NEW, true, Some("r"))],
            ),
            (
                "through a group in it, before anybody looked",
                vec![row("flat:former", FORMER, false, Some("r"))],
                vec![row("flat:new", NEW, false, Some("r"))],
            ),
            (
                "a former resource of it stays to be removed",
                vec![row("gone:q", FORMER, false, Some("q")), row("id:new", NEW, true, None)],
                vec![row("gone:q", FORMER, false, Some("q")), row("id:new", NEW, true, None)],
            ),
            ("nothing was sent", vec![row("id:new", NEW, true, None)], vec![row("id:new", NEW, true, None)]),
        ] {
            assert_eq!(after(&before), expected, "{case}");
        }
    }

    fn any_row() -> impl Strategy<Value = Row> {
        let reference = prop_oneof![Just("a"), Just("b"), Just("gone:r"), Just("flat:former"), Just("flat:new")];
        let to = prop_oneof![Just(FORMER), Just(NEW)];
        (reference, to, any::<bool>(), prop_oneof![Just(None), Just(Some("r")), Just(Some("q"))])
            .prop_filter("an edge that is not wanted was sent", |(_, _, wanted, sent)| *wanted || sent.is_some())
            .prop_map(|(reference, to, wanted, sent)| row(reference, to, wanted, sent))
    }

    proptest! {
        #[test]
        fn nothing_is_wanted_or_held_that_was_not_before_and_it_is_done_once(
            rows in proptest::collection::vec(any_row(), 0..6),
        ) {
            let rows: BTreeMap<String, Row> = rows.into_iter().map(|row| (row.reference.clone(), row)).collect();
            let rows: Vec<Row> = rows.into_values().collect();
            let now = after(&rows);
            let any_wanted = |rows: &[Row]| rows.iter().any(|row| row.wanted);
            let held = |rows: &[Row], resource: &str| rows.iter().any(|row| row.exported_as.as_deref() == Some(resource));
            prop_assert_eq!(any_wanted(&rows), any_wanted(&now));
            for resource in ["r", "q"] {
                prop_assert_eq!(held(&rows, resource), held(&now, resource));
            }
            // A wanted reference that counts as sent needs no request; one that does not was not sent before either.
            let news = now.iter().filter(|row| row.wanted && row.to_anchor.as_deref() == Some(NEW) && !row.is_sent());
            prop_assert!(!held(&rows, "r") || news.count() == 0);
            prop_assert!(now.iter().all(|row| row.wanted || row.is_sent()));
            prop_assert_eq!(after(&now), now);
        }
    }
}
