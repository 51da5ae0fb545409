use proptest::prelude::*;

use super::*;

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
}

fn error() -> QuarantineError {
    QuarantineError { code: "Unauthorized".into(), message: "refused".into(), tenant_actionable: true }
}

fn failed(class: FailureClass, side: Side) -> CycleEnd {
    CycleEnd::Failed { class, side, error: error() }
}

fn finished(failing: u64, others: u64, staged: u64) -> CycleEnd {
    CycleEnd::Finished(Standing { failing, others, staged })
}

fn run(ends: impl IntoIterator<Item = (i64, CycleEnd)>) -> Health {
    let rules = QuarantineRules::default();
    ends.into_iter().fold(Health::default(), |health, (hour, end)| after(&health, end, &rules, at(hour)))
}

#[test]
fn the_documented_thresholds() {
    use QuarantineReason::{EncounteredBaseEscrowThreshold as Base, EncounteredEscrowProportionThreshold as Share};
    for (failing, sound, expected) in [
        (0, 0, None),
        (4_000, 0, None),
        (4_999, 0, None),
        (5_000, 0, Some(Share)),
        (5_000, 7_500, None),
        (5_001, 7_500, Some(Share)),
        (30_000, 5_000, Some(Share)),
        (20_000, 100_000, None),
        (40_000, 1_000_000, None),
        (40_001, 1_000_000, Some(Base)),
        (45_000, 0, Some(Base)),
        (u64::MAX, u64::MAX, Some(Base)),
    ] {
        assert_eq!(run([(0, finished(failing, sound, 0))]).reason(), expected, "{failing} of {sound}");
    }
}

#[test]
fn credentials_and_settings_slow_down_at_once_and_an_outage_when_it_lasts() {
    use QuarantineReason::{EncounteredQuarantineException as Exception, IngestionInterrupted, Unknown};
    for class in [FailureClass::Credentials, FailureClass::Configuration] {
        assert_eq!(run([(0, failed(class, Side::Source))]).reason(), Some(Exception));
    }
    for class in [FailureClass::Outage, FailureClass::Transient, FailureClass::Resync] {
        for (side, reason) in
            [(Side::Target, Exception), (Side::Source, IngestionInterrupted), (Side::Ourselves, Unknown)]
        {
            let outage = |hour| (hour, failed(class, side));
            assert_eq!(run([outage(0), outage(1), outage(5)]).reason(), None);
            assert_eq!(run([outage(0), outage(5), outage(6)]).reason(), Some(reason));
            let broken_by_success = [outage(0), (3, finished(0, 1, 0)), outage(6), outage(11)];
            assert_eq!(run(broken_by_success).reason(), None);
        }
    }
}

#[test]
fn pauses_grow_to_a_day_and_one_good_cycle_ends_them() {
    let rules = QuarantineRules::default();
    let mut health = run([(100, failed(FailureClass::Credentials, Side::Target))]);
    let mut attempts = Vec::new();
    for _ in 0..5 {
        let next = health.quarantine.as_ref().and_then(|quarantine| quarantine.next_attempt).expect("it slows down");
        attempts.push((next - at(100)).num_hours());
        health = after(&health, failed(FailureClass::Credentials, Side::Target), &rules, next);
    }
    assert_eq!(attempts, [6, 12, 24, 48, 72]);
    let quarantine = health.quarantine.clone().expect("it stays");
    assert_eq!((quarantine.series_count, quarantine.series_began, health.successive_failures), (5, at(100), 6));
    assert_eq!(after(&health, finished(0, 1, 0), &rules, at(200)), Health::default());
}

#[test]
fn a_short_outage_in_a_quarantine_neither_lifts_it_nor_hides_its_reason() {
    let health = run([(0, finished(50_000, 0, 0)), (6, failed(FailureClass::Outage, Side::Target))]);
    assert_eq!(health.reason(), Some(QuarantineReason::EncounteredBaseEscrowThreshold));
    let health = run([(0, finished(50_000, 0, 0)), (6, failed(FailureClass::Credentials, Side::Target))]);
    assert_eq!(health.reason(), Some(QuarantineReason::EncounteredQuarantineException));
    assert_eq!(health.quarantine.expect("it stays").series_began, at(0));
}

#[test]
fn removals_that_wait_are_told_and_do_not_slow_down() {
    let rules = QuarantineRules::default();
    let health = run([(0, finished(0, 9, 1))]);
    assert_eq!(health.reason(), Some(QuarantineReason::TooManyDeletes));
    assert_eq!(wait(&health, &rules, at(0)), None);
    let slow = after(&health, failed(FailureClass::Credentials, Side::Target), &rules, at(50)).quarantine;
    let slow = slow.expect("it slows down");
    assert_eq!((slow.series_began, slow.next_attempt), (at(50), Some(at(56))), "a series of its own");
}

#[test]
fn a_clock_that_was_set_back_holds_nothing_up() {
    let rules = QuarantineRules::default();
    let health = run([(10_000, failed(FailureClass::Credentials, Side::Target))]);
    assert_eq!(wait(&health, &rules, at(10_001)), Some(Duration::from_secs(5 * 3600)));
    assert_eq!(wait(&health, &rules, at(0)), None, "one attempt, which writes the times anew");
    let again = after(&health, failed(FailureClass::Credentials, Side::Target), &rules, at(0));
    assert_eq!(wait(&again, &rules, at(0)), Some(Duration::from_secs(6 * 3600)));
    let outage =
        run([(10_000, failed(FailureClass::Outage, Side::Target)), (0, failed(FailureClass::Outage, Side::Target))]);
    assert_eq!(outage.reason(), None);
}

fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    let extremes =
        prop_oneof![Just(DateTime::<Utc>::MIN_UTC), Just(DateTime::<Utc>::MAX_UTC), Just(DateTime::UNIX_EPOCH)];
    let near = (-100_000_000i64..10_000_000_000).prop_map(|s| DateTime::UNIX_EPOCH + TimeDelta::seconds(s));
    prop_oneof![1 => extremes, 9 => near]
}

fn any_end() -> impl Strategy<Value = CycleEnd> {
    let class = prop::sample::select(vec![
        FailureClass::Transient,
        FailureClass::Conflict,
        FailureClass::Object,
        FailureClass::Credentials,
        FailureClass::Outage,
        FailureClass::Resync,
        FailureClass::Configuration,
    ]);
    let side = prop::sample::select(vec![Side::Source, Side::Target, Side::Ourselves]);
    prop_oneof![
        Just(CycleEnd::Interrupted),
        (0u64..60_000, 0u64..60_000, 0u64..3).prop_map(|(failing, sound, staged)| finished(failing, sound, staged)),
        (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(f, s, st)| finished(f, s, st)),
        (class, side).prop_map(|(class, side)| failed(class, side)),
    ]
}

fn any_rules() -> impl Strategy<Value = QuarantineRules> {
    let seconds = || prop_oneof![0u64..1_000_000, any::<u64>()].prop_map(Duration::from_secs);
    (any::<u32>(), any::<u64>(), any::<u64>(), seconds(), seconds(), seconds()).prop_map(
        |(percent, at_least, more_than, outage, first_pause, longest_pause)| QuarantineRules {
            percent,
            at_least,
            more_than,
            outage,
            first_pause,
            longest_pause,
        },
    )
}

proptest! {
    /// Whatever came before, under whatever rules and clocks: nothing panics, and a cycle without a cause ends it.
    #[test]
    fn a_cycle_without_a_cause_always_lifts_it(
        ends in prop::collection::vec((any_time(), any_end()), 0..20), rules in any_rules(), last in any_time(),
    ) {
        let mut health = Health::default();
        for (now, end) in ends {
            let former = health.clone();
            health = after(&former, end.clone(), &rules, now);
            match end {
                CycleEnd::Interrupted => prop_assert_eq!(&health, &former),
                CycleEnd::Finished(_) => prop_assert_eq!((health.successive_failures, health.failing_since), (0, None)),
                CycleEnd::Failed { .. } => {
                    prop_assert_eq!(health.successive_failures, former.successive_failures + 1);
                    prop_assert!(health.quarantine.is_some() || former.quarantine.is_none(), "no failure lifts it");
                }
            }
            if let Some(quarantine) = &health.quarantine && end != CycleEnd::Interrupted {
                prop_assert!(quarantine.series_began <= now && quarantine.current_began == now);
                prop_assert!(quarantine.next_attempt.is_none_or(|next| next > now || next == DateTime::<Utc>::MAX_UTC));
            }
            let _ = wait(&health, &rules, last);
        }
        prop_assert_eq!(after(&health, finished(0, 5, 0), &rules, last), Health::default());
    }

    /// A scheduler that waits as it is told makes no more attempts than the schedule has, however long it takes and
    /// whenever a person steps in.
    #[test]
    fn attempts_are_never_more_often_than_the_schedule(delays in prop::collection::vec((0i64..200_000, any::<bool>()), 1..40)) {
        let rules = QuarantineRules::default();
        let credentials = || failed(FailureClass::Credentials, Side::Target);
        let began = at(0);
        let mut health = after(&Health::default(), credentials(), &rules, began);
        let (mut now, mut scheduled) = (began, 0u32);
        for (delay, by_hand) in delays {
            now += TimeDelta::seconds(delay);
            let may_start = wait(&health, &rules, now).is_none();
            if may_start || by_hand {
                scheduled += u32::from(may_start);
                health = after(&health, credentials(), &rules, now);
            }
            let elapsed = (now - began).num_hours();
            let due = [6, 12].iter().filter(|hour| **hour <= elapsed).count() as i64 + elapsed / 24;
            prop_assert!(i64::from(scheduled) <= due, "{scheduled} attempts in {elapsed} hours");
        }
    }

    #[test]
    fn more_failures_never_speed_a_job_up(failing in 0u64..100_000, more in 0u64..100_000, sound in 0u64..100_000) {
        let slow = |failing| run([(0, finished(failing, sound, 0))]).reason().is_some();
        prop_assert!(slow(failing + more) || !slow(failing));
    }
}
