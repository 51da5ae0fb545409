//! Links of objects that are gone go over to others, and who asks for that.

use provisor::model::{Anchor, Departure, Export, Failure, RemovalEffect, ResourceId};
use provisor::provisioning_log::{Act, Event, Status};
use provisor::store::{Effect, LogFilter, NewClaim, NewRemoval, Relink, Relinking, Store};

use super::world::{World, departed, dn, failure, group, group_key, now, summary, user, user_key, user_named};

/// Ada, who is in `staff`, is gone; `new` has her name, and `staff` lists that. All is sent.
async fn reloaded(store: Store) -> World {
    let world = World::new(store).await;
    world.record(vec![user("ada", "1"), user("bob", "2"), group("staff", &[dn("ada"), dn("bob")])]).await;
    for anchor in ["ada", "bob"] {
        world.link(&user_key(anchor), &format!("r-{anchor}")).await;
    }
    world.link(&group_key("staff"), "r-staff").await;
    world.send_edges(&group_key("staff")).await;
    world.record(vec![user_named("new", "1", dn("ada")), departed("ada", Departure::Deleted)]).await;
    world
}

fn relink(key: provisor::model::ObjectKey, former: &str, resource: &str) -> Relink {
    let log = vec![(key.clone(), summary(Event::of(Act::Link, Status::Success)))];
    Relink { key, former: Anchor::new(former), resource: ResourceId::new(resource), log }
}

async fn relinked(world: &World, relinks: Vec<Relink>) -> usize {
    let (job, cycle) = (world.job.clone(), provisor::model::CycleId::new("cycle"));
    world.store.relink(Relinking { job, cycle, relinks, now: now() }).await.unwrap().len()
}

pub(super) async fn a_link_goes_over_with_all_that_was_sent(store: Store) {
    let world = reloaded(store).await;
    let removal = NewRemoval {
        effect: RemovalEffect::Delete,
        reason: "deleted in the source".to_owned(),
        resource: ResourceId::new("r-ada"),
        references: 0,
        not_before: None,
    };
    let mut leaving = world.outcome(&user_key("ada"), Effect::Unchanged).await;
    leaving.held = vec![removal];
    world.commit(vec![leaving]).await;
    let mut asks = world.outcome(&user_key("new"), Effect::Failed(failure(), None)).await;
    asks.claims = Some(NewClaim { former: "ada".into(), resource: "r-ada".into() });
    world.commit(vec![asks]).await;
    let before = world.store.begin_cycle(&world.job, provisor::model::CycleKind::Incremental, now()).await.unwrap();
    assert!(!world.open_edges(&group_key("staff")).await.is_empty(), "the name has changed hands");

    assert_eq!(relinked(&world, vec![relink(user_key("new"), "ada", "r-ada")]).await, 1);
    let (former, new) = (world.known(&user_key("ada")).await, world.known(&user_key("new")).await);
    assert_eq!((former.link, former.removals, new.escrow), (None, vec![], None));
    assert_eq!(new.link.map(|link| link.resource), Some(ResourceId::new("r-ada")));
    assert_eq!(world.open_edges(&group_key("staff")).await, [], "nothing is to be sent");
    assert_eq!(world.store.claimants(&world.job, None, 10).await.unwrap(), []);
    let due = world.store.due_objects(&world.job, &user_key("new").mapping, None, 10).await.unwrap();
    assert!(due.contains(&user_key("new")));
    let after = world.store.begin_cycle(&world.job, provisor::model::CycleKind::Incremental, now()).await.unwrap();
    assert_eq!(after.baseline, before.baseline, "as much is linked and exported");
    let lines = world.store.provisioning_log(&world.job, &LogFilter::default(), None, 10).await.unwrap();
    assert_eq!(lines.iter().filter(|line| line.summary.event.action == Act::Link).count(), 1);
    // Whoever leaves the group afterwards is taken out of it.
    world.record(vec![group("staff", &[dn("bob")])]).await;
    let open = world.open_edges(&group_key("staff")).await;
    let open: Vec<_> = open.iter().map(|edge| (edge.wanted, edge.export, edge.exported_as.as_ref())).collect();
    assert_eq!(open, [(false, Export::Exported, Some(&ResourceId::new("r-ada")))]);
}

pub(super) async fn a_group_goes_over_with_its_members(store: Store) {
    let world = reloaded(store).await;
    assert_eq!(relinked(&world, vec![relink(user_key("new"), "ada", "r-ada")]).await, 1);
    let gone = provisor::model::Change::Departed {
        kind: provisor::model::ObjectKind::new("Group"),
        anchor: "staff".into(),
        departure: Departure::Deleted,
    };
    // Cyd has joined meanwhile, and Bob has left.
    world.record(vec![user("cyd", "3"), gone, group("crew", &[dn("ada"), dn("cyd")])]).await;
    world.link(&user_key("cyd"), "r-cyd").await;
    assert_eq!(relinked(&world, vec![relink(group_key("crew"), "staff", "r-staff")]).await, 1);
    let open = world.open_edges(&group_key("crew")).await;
    let mut open: Vec<_> = open
        .iter()
        .map(|edge| {
            let resource = if edge.wanted { &edge.resource } else { &edge.exported_as };
            (edge.wanted, edge.export, resource.as_ref().map(ResourceId::as_str))
        })
        .collect();
    open.sort_by_key(|(wanted, ..)| *wanted);
    assert_eq!(open, [(false, Export::Exported, Some("r-bob")), (true, Export::Never, Some("r-cyd"))]);
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
}

pub(super) async fn a_relink_of_which_anything_has_changed_is_left_out(store: Store) {
    let world = reloaded(store).await;
    for (case, relink) in [
        ("another resource", relink(user_key("new"), "ada", "r-other")),
        ("one who is not gone", relink(user_key("new"), "bob", "r-bob")),
        ("one who has a resource", relink(user_key("bob"), "ada", "r-ada")),
        ("nobody", relink(user_key("nobody"), "ada", "r-ada")),
        ("of nobody", relink(user_key("new"), "nobody", "r-ada")),
    ] {
        assert_eq!(relinked(&world, vec![relink]).await, 0, "{case}");
    }
    let page = world.open_all(vec![world.create(&user_key("new"), "ada", Vec::new())]).await;
    assert_eq!(relinked(&world, vec![relink(user_key("new"), "ada", "r-ada")]).await, 0, "an open intent");
    let outcome = world.outcome(&user_key("new"), Effect::Postponed).await;
    world.commit_page(Some(page), vec![outcome]).await;
    world.record(vec![user_named("twin", "1", dn("twin"))]).await;
    let both = ["new", "twin"].map(|anchor| relink(user_key(anchor), "ada", "r-ada")).to_vec();
    assert_eq!(relinked(&world, both).await, 1, "one resource goes to one");
    assert_eq!(relinked(&world, vec![relink(user_key("twin"), "ada", "r-ada")]).await, 0, "it is gone from there");
}

pub(super) async fn one_claimant_is_confirmed_and_none_once_the_former_is_back(store: Store) {
    let world = reloaded(store).await;
    for anchor in ["new", "twin"] {
        world.record(vec![user_named(anchor, "1", dn(anchor))]).await;
        let mut outcome = world.outcome(&user_key(anchor), Effect::Failed(failure(), None)).await;
        outcome.claims = Some(NewClaim { former: "ada".into(), resource: "r-ada".into() });
        world.commit(vec![outcome]).await;
    }
    let (job, store, mapping) = (&world.job, &world.store, user_key("new").mapping);
    let confirmed = async || store.confirmed_claimants(job, &mapping, None, 10).await.unwrap();
    let asking = store.claimants(job, None, 10).await.unwrap();
    assert_eq!(asking.len(), 2, "{asking:?}");
    for one in asking {
        let key = one.key.clone();
        store.confirm_claimants(job, vec![one]).await.unwrap();
        assert_eq!(confirmed().await, [key], "what was said last counts");
    }
    world.record(vec![user_named("ada", "1", dn("ada"))]).await;
    assert_eq!(confirmed().await, [], "she is there herself");
}

pub(super) async fn claimants_are_confirmed_as_they_were_shown(store: Store) {
    let world = reloaded(store).await;
    let claim = |former: &str, resource: &str| Some(NewClaim { former: former.into(), resource: resource.into() });
    for (anchor, former) in [("new", "ada"), ("late", "bob")] {
        world.record(vec![user_named(anchor, "1", dn(anchor))]).await;
        let duplicate = Failure { code: "DuplicateSourceEntries".to_owned(), ..failure() };
        let mut outcome = world.outcome(&user_key(anchor), Effect::Failed(duplicate, None)).await;
        outcome.claims = claim(former, &format!("r-{former}"));
        world.commit(vec![outcome]).await;
    }
    let (job, store) = (&world.job, &world.store);
    let asking = store.claimants(job, None, 10).await.unwrap();
    assert_eq!(asking.len(), 1, "Bob is not gone: {asking:?}");
    assert!(!asking[0].confirmed && asking[0].former == Anchor::new("ada"));
    let mapping = user_key("new").mapping;
    let confirmed = async || store.confirmed_claimants(job, &mapping, None, 10).await.unwrap();
    world.conclude(&user_key("ada"), Effect::Unchanged).await;
    assert_eq!(confirmed().await, [], "nobody has said anything");
    assert_eq!(store.confirm_claimants(job, asking.clone()).await.unwrap(), [user_key("new")]);
    assert_eq!(confirmed().await, [user_key("new")]);
    let of_new = store.claimants_of(job, &[user_key("new")]).await.unwrap();
    assert!(of_new[0].confirmed);
    // A look-up that fails says nothing of what is claimed.
    world.conclude(&user_key("new"), Effect::Failed(failure(), None)).await;
    assert_eq!(confirmed().await, [user_key("new")], "what a person has said holds");
    // Whoever claims another resource by then is not confirmed any more.
    let mut outcome = world.outcome(&user_key("new"), Effect::Failed(failure(), None)).await;
    outcome.claims = claim("ada", "r-other");
    world.commit(vec![outcome]).await;
    assert_eq!(store.confirm_claimants(job, asking).await.unwrap(), []);
    assert_eq!((confirmed().await, store.claimants(job, None, 10).await.unwrap()), (vec![], vec![]));
    // Bob goes: who claims his resource is to be looked at.
    world.record(vec![departed("bob", Departure::Deleted)]).await;
    let due = store.due_objects(job, &mapping, None, 10).await.unwrap();
    assert!(due.contains(&user_key("late")) && !due.contains(&user_key("new")), "{due:?}");
    // Whoever has reached another end claims nothing.
    world.conclude(&user_key("late"), Effect::Unchanged).await;
    assert_eq!(store.claimants_of(job, &[user_key("late")]).await.unwrap(), []);
}
