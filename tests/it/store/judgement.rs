//! What is let through is counted: once, for a day, and for all jobs of an application.

use chrono::{DateTime, TimeDelta, Utc};
use provisor::model::{Anchor, Baseline, Count, Measure, Tally};
use provisor::store::{Effect, Judgement, Store};

use super::world::{World, dn, group, group_key, groups, now, sent, user, user_key, users};

fn judgement(world: &World, measure: Measure, losers: &[(&str, u64)], now: DateTime<Utc>) -> Judgement {
    let mapping = if measure == Measure::References { groups() } else { users() };
    let baseline = Baseline { linked: [(users(), 100)].into(), exported_edges: [(groups(), 200)].into() };
    let losers = losers.iter().map(|(anchor, amount)| (Anchor::from(*anchor), *amount)).collect();
    Judgement { job: world.job.clone(), mapping, measure, losers, relinked: 0, removals: Vec::new(), baseline, now }
}

/// Lets everything through.
async fn counted(world: &World, measure: Measure, losers: &[(&str, u64)], now: DateTime<Utc>) -> Tally {
    let judgement = judgement(world, measure, losers, now);
    world.store.judge(judgement, |_| Ok::<_, ()>(())).await.unwrap().0
}

pub(super) async fn a_loser_counts_once_a_day(store: Store) {
    let world = World::new(store).await;
    let access = async |losers: &[(&str, u64)], now| counted(&world, Measure::Access, losers, now).await.day.removals;
    assert_eq!(access(&[("ada", 1), ("bob", 1)], now()).await, 2);
    assert_eq!(access(&[("ada", 1), ("eve", 1)], now() + TimeDelta::hours(23)).await, 3);
    assert_eq!(access(&[("kim", 1)], now() + TimeDelta::hours(24)).await, 3, "bob is forgotten, ada is not");
    let refused = judgement(&world, Measure::Access, &[("lou", 1)], now() + TimeDelta::hours(24));
    assert_eq!(world.store.judge(refused, |_| Err(())).await.unwrap().1, Err(()));
    assert_eq!(access(&[("mia", 1)], now() + TimeDelta::hours(25)).await, 4, "lou was refused");
    let references = counted(&world, Measure::References, &[("staff", 7)], now() + TimeDelta::hours(25)).await;
    assert_eq!(references.day, Count { removals: 7, whole: 200 });
}

pub(super) async fn what_a_wrong_clock_counted_is_forgotten_a_day_after_it_was_set_right(store: Store) {
    let world = World::new(store).await;
    let access = async |loser, now| counted(&world, Measure::Access, &[(loser, 1)], now).await.day.removals;
    assert_eq!(access("ada", now() + TimeDelta::days(400)).await, 1);
    assert_eq!(access("bob", now()).await, 2);
    assert_eq!(access("eve", now() + TimeDelta::hours(24)).await, 1);
}

pub(super) async fn references_of_one_owner_count_again_once_they_are_gone(store: Store) {
    let world = World::new(store).await;
    world.record(vec![user("ada", "1"), group("staff", &[dn("ada")])]).await;
    world.link(&user_key("ada"), "r-ada").await;
    world.link(&group_key("staff"), "r-staff").await;
    let references =
        async |amount| counted(&world, Measure::References, &[("staff", amount)], now()).await.day.removals;
    assert_eq!(references(3).await, 3);
    assert_eq!(references(3).await, 3, "a cycle that was killed in between judges them again");
    let removed = Effect::Updated { exported: Default::default(), sent: vec![sent(dn("ada"), "r-ada", false)] };
    world.conclude(&group_key("staff"), removed).await;
    assert_eq!(references(2).await, 5);
}

pub(super) async fn two_jobs_cannot_both_use_up_what_is_left_of_the_day(store: Store) {
    let [hr, guests] = ["hr", "guests"];
    let (hr, guests) = (World::with_job(store.clone(), hr).await, World::with_job(store, guests).await);
    let judged = async |world: &World, anchor: &'static str| {
        let judgement = judgement(world, Measure::Access, &[(anchor, 1)], now());
        let one_only = |tally: &Tally| if tally.application.removals > 1 { Err(()) } else { Ok(()) };
        world.store.judge(judgement, one_only).await.unwrap().1
    };
    let (first, second) = tokio::join!(judged(&hr, "ada"), judged(&guests, "bob"));
    assert_ne!(first, second, "exactly one gets through");
    let tally = counted(&hr, Measure::Access, &[("eve", 1)], now()).await;
    assert_eq!(tally.application.removals, 2);
}
