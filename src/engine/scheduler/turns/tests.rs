use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn bounds(in_all: usize, per_application: usize) -> Bounds {
    let bound = |number| NonZeroUsize::new(number).expect("not zero");
    Bounds { in_all: bound(in_all), per_application: bound(per_application) }
}

fn claim(job: usize, application: usize, by: AskedBy) -> Claim {
    Claim { job: JobId::new(format!("job-{job}")), application: format!("application-{application}"), by }
}

fn all(turns: &mut Turns) -> Vec<Ticket> {
    std::iter::from_fn(|| turns.grant()).collect()
}

#[test]
fn a_person_goes_first_and_beyond_the_bound_but_not_everybody_does() {
    let mut turns = Turns::new(bounds(1, 1));
    let scheduled = [0, 1].map(|job| turns.enter(claim(job, 0, AskedBy::Schedule)));
    assert_eq!(all(&mut turns), [scheduled[0]]);
    let asked = [2, 3].map(|job| turns.enter(claim(job, 0, AskedBy::Person)));
    assert_eq!(all(&mut turns), [asked[0]], "one lane is kept free for people");
    turns.leave(asked[0]);
    assert_eq!(all(&mut turns), [asked[1]]);
    turns.leave(scheduled[0]);
    assert_eq!(all(&mut turns), [], "the bound holds for what the schedule wants");
    turns.leave(asked[1]);
    assert_eq!(all(&mut turns), [scheduled[1]]);
}

#[test]
fn a_person_does_not_overlap_a_cycle_of_the_job() {
    let mut turns = Turns::new(bounds(4, 4));
    let scheduled = turns.enter(claim(0, 0, AskedBy::Schedule));
    assert_eq!(all(&mut turns), [scheduled]);
    let asked = turns.enter(claim(0, 0, AskedBy::Person));
    assert_eq!(all(&mut turns), []);
    turns.leave(scheduled);
    assert_eq!(all(&mut turns), [asked]);
}

#[test]
fn an_application_that_hangs_leaves_room_for_others() {
    let mut turns = Turns::new(bounds(3, 2));
    let hanging: Vec<Ticket> = (0..5).map(|job| turns.enter(claim(job, 0, AskedBy::Schedule))).collect();
    assert_eq!(all(&mut turns), hanging[..2]);
    for job in 5..8 {
        let other = turns.enter(claim(job, 1, AskedBy::Schedule));
        assert_eq!(all(&mut turns), [other]);
        turns.leave(other);
    }
}

#[test]
fn who_gives_up_waiting_holds_up_nobody() {
    let mut turns = Turns::new(bounds(1, 1));
    let [first, second, third] = [0, 1, 2].map(|job| turns.enter(claim(job, job, AskedBy::Schedule)));
    assert_eq!(all(&mut turns), [first]);
    turns.leave(second);
    turns.leave(first);
    assert_eq!(all(&mut turns), [third]);
}

#[derive(Clone, Debug)]
enum Event {
    /// A job wants a cycle unless it waits for one.
    Want(usize, AskedBy),
    /// The cycle that is under way ends which stands at this place among them.
    End(usize),
    /// The claim is given up that stands at this place among those that wait.
    GiveUp(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..12_usize, prop_oneof![4 => Just(AskedBy::Schedule), 1 => Just(AskedBy::Person)])
            .prop_map(|(job, by)| Event::Want(job, by)),
        4 => any::<usize>().prop_map(Event::End),
        1 => any::<usize>().prop_map(Event::GiveUp),
    ]
}

fn nth(claims: &BTreeMap<Ticket, Claim>, place: usize) -> Option<Ticket> {
    claims.keys().nth(place.checked_rem(claims.len())?).copied()
}

proptest! {
    #[test]
    fn bounds_hold_no_cycle_overlaps_itself_and_no_place_stays_empty(
        events in proptest::collection::vec(event(), 1..200), in_all in 1..5_usize, per_application in 1..4_usize,
    ) {
        let mut turns = Turns::new(bounds(in_all, per_application));
        for event in events {
            match event {
                Event::Want(job, by) => {
                    let claim = claim(job, job / 3, by);
                    if !turns.waiting.values().any(|waiting| waiting.job == claim.job) {
                        turns.enter(claim);
                    }
                }
                Event::End(place) => nth(&turns.running, place).into_iter().for_each(|ticket| turns.leave(ticket)),
                Event::GiveUp(place) => nth(&turns.waiting, place).into_iter().for_each(|ticket| turns.leave(ticket)),
            }
            all(&mut turns);
            let running: Vec<&Claim> = turns.running.values().collect();
            let jobs: BTreeSet<&JobId> = running.iter().map(|claim| &claim.job).collect();
            prop_assert_eq!(jobs.len(), running.len(), "a cycle overlaps itself");
            prop_assert!(running.len() <= in_all + 1);
            let of_schedule = |claim: &&&Claim| claim.by == AskedBy::Schedule;
            prop_assert!(running.iter().filter(of_schedule).count() <= in_all);
            for application in 0..4 {
                let name = format!("application-{application}");
                let count = running.iter().filter(of_schedule).filter(|claim| claim.application == name).count();
                prop_assert!(count <= per_application, "{count} of {name}");
            }
            for waiting in turns.waiting.values() {
                let of_application = running.iter().filter(|claim| claim.application == waiting.application).count();
                prop_assert!(
                    jobs.contains(&waiting.job) || running.len() >= in_all
                        || waiting.by == AskedBy::Schedule && of_application >= per_application,
                    "{waiting:?} waits, and nothing stands in its way"
                );
            }
        }
    }

    /// The worst case: every job wants its next cycle the moment that the last one ends, and cycles end in any order.
    #[test]
    fn nobody_starves_among_jobs_that_always_have_work(
        applications in proptest::collection::vec(0..4_usize, 2..12), in_all in 1..4_usize, per_application in 1..4_usize,
        ends in proptest::collection::vec(any::<usize>(), 400),
    ) {
        let mut turns = Turns::new(bounds(in_all, per_application));
        for (job, application) in applications.iter().enumerate() {
            turns.enter(claim(job, *application, AskedBy::Schedule));
        }
        all(&mut turns);
        let jobs = applications.len();
        // How many cycles ended while a claim waited: every other job is served, and some of them once more because
        // their applications had nothing under way, as long as the cycles go on that this one's application has.
        let mut waited: BTreeMap<Ticket, usize> = BTreeMap::new();
        for (round, end) in ends.into_iter().enumerate() {
            // No cycle lasts for ever: now and then the one ends that has been under way for longest.
            let place = if round % 2 == 0 { 0 } else { end };
            let Some(ended) = nth(&turns.running, place) else { continue };
            let claim = turns.running[&ended].clone();
            turns.leave(ended);
            turns.enter(claim);
            all(&mut turns);
            waited.retain(|ticket, _| turns.waiting.contains_key(ticket));
            for ticket in turns.waiting.keys() {
                let rounds = waited.entry(*ticket).or_default();
                *rounds += 1;
                prop_assert!(*rounds <= 2 * jobs * (in_all + 1), "{:?} starves", turns.waiting[ticket]);
            }
        }
    }
}
