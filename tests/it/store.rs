//! The store: one suite, run on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

mod assignments;
mod commits;
mod cycles;
mod edges;
mod groups;
mod job_states;
mod judgement;
mod leases;
mod nesting;
mod opening;
mod pages;
mod provisioning_log;
mod relinks;
mod replay;
mod restarts;
mod schema;
mod world;

use futures::future::BoxFuture;
use provisor::secret::Secret;
use provisor::store::Store;
use tempfile::TempDir;

use crate::support::postgres::Postgres;

type Case = fn(Store) -> BoxFuture<'static, ()>;

/// Declares the suite: every case is a test of its own on SQLite, and all of them are one test on PostgreSQL, which
/// starts one server.
macro_rules! suite {
    ($($module:ident { $($case:ident),+ $(,)? })+) => {
        mod sqlite {
            $(mod $module {
                $(#[tokio::test]
                async fn $case() {
                    let (_folder, store) = crate::store::sqlite_store().await;
                    crate::store::$module::$case(store).await;
                })+
            })+
        }

        const SUITE: &[(&str, Case)] = &[
            $($((stringify!($case), |store| Box::pin($module::$case(store))),)+)+
        ];
    };
}

suite! {
    pages {
        a_new_object_is_due_and_an_equal_one_is_not,
        a_changed_object_is_due_under_a_new_revision,
        a_new_schema_version_makes_delivered_objects_due,
        an_object_in_escrow_is_due_when_it_is_delivered,
        an_object_with_an_open_intent_is_not_handed_out,
        an_object_of_two_mappings_is_kept_under_both,
        new_objects_come_with_all_that_is_known_of_them,
        a_partial_object_merges_into_what_is_stored,
        a_departure_keeps_its_kind_and_ignores_strangers,
        objects_come_due_in_arrival_order_and_once,
        present_objects_are_only_seen,
        any_text_is_kept_as_it_is,
        a_page_larger_than_a_batch_is_recorded_whole,
        the_watermark_is_stored_with_its_page,
    }
    groups {
        a_changed_membership_makes_its_object_due_and_no_other,
        a_group_that_gets_or_loses_its_name_concerns_all_of_its_members,
        a_group_is_found_by_id_then_by_name_then_by_display_name,
        a_group_read_without_its_members_keeps_them,
        a_member_that_is_renamed_stays_a_member,
        members_that_a_full_read_does_not_name_are_due,
        display_names_are_learned_when_a_filter_asks_for_the_first_time,
        a_renamed_container_takes_named_groups_along,
    }
    edges {
        an_edge_lives_from_wanted_to_removed,
        a_reference_finds_an_object_that_comes_later,
        a_reference_dropped_around_a_crash_is_still_removed,
        a_reference_added_back_around_its_removal_is_added_again,
        a_single_reference_replaces_the_former,
        one_changed_member_is_one_open_edge,
        a_renamed_container_takes_names_and_references_along,
        a_renamed_member_is_not_sent_again,
        a_name_that_changes_hands_leaves_the_old_membership_to_remove,
        a_deleted_member_is_to_be_removed,
        a_member_whose_resource_is_gone_is_added_anew,
        a_member_relinked_to_another_resource_is_replaced,
        a_group_whose_resource_is_gone_starts_anew,
        members_are_found_in_other_jobs_of_the_target,
        a_full_round_of_partial_objects_drops_what_it_did_not_name,
    }
    nesting {
        flattened_groups_are_what_a_model_says,
        a_person_leaves_with_the_last_path,
        what_is_done_is_what_has_changed,
        a_chain_that_is_too_long_is_told,
        filters_reach_into_groups_in_groups,
    }
    assignments {
        who_is_assigned_is_what_a_model_says,
        the_same_list_again_changes_nothing,
        a_list_makes_due_whom_it_concerns_and_nobody_else,
        what_one_list_misses_is_gone_when_another_misses_it,
        a_large_group_is_gone_through_in_steps,
        everybody_is_provisioned_again_when_the_list_is_forgotten,
    }
    commits {
        a_claimed_resource_is_a_conflict_of_one_object,
        two_objects_of_one_page_cannot_have_one_resource,
        an_intent_is_refused_while_its_object_or_value_is_taken,
        a_drawn_value_is_taken_until_its_intent_is_closed,
        an_outcome_of_an_older_revision_leaves_the_object_due,
        an_object_whose_resource_vanished_is_unlinked_and_due_at_once,
        an_unknown_outcome_keeps_its_intent,
        failures_count_and_keep_their_beginning,
        a_removal_is_held_once_and_cancelled_by_evaluation,
        a_waiting_object_wakes_when_the_removal_ends,
        settled_intents_make_their_objects_due,
    }
    judgement {
        a_loser_counts_once_a_day,
        what_a_wrong_clock_counted_is_forgotten_a_day_after_it_was_set_right,
        references_of_one_owner_count_again_once_they_are_gone,
        two_jobs_cannot_both_use_up_what_is_left_of_the_day,
    }
    provisioning_log {
        it_holds_one_line_an_outcome,
        lines_are_found_by_object_status_and_time,
        a_search_goes_on_past_what_it_reads_at_a_time,
        old_lines_are_pruned_in_steps_and_of_their_job_alone,
    }
    relinks {
        a_link_goes_over_with_all_that_was_sent,
        a_group_goes_over_with_its_members,
        a_relink_of_which_anything_has_changed_is_left_out,
        one_claimant_is_confirmed_and_none_once_the_former_is_back,
        claimants_are_confirmed_as_they_were_shown,
    }
    restarts {
        a_cycle_that_was_cut_off_stores_nothing,
        a_cycle_that_another_one_follows_stores_nothing,
        no_write_slips_through_beside_a_restart,
        a_pause_lasts_until_the_job_is_started,
        every_scope_resets_what_it_names_and_nothing_else,
        links_stay_while_something_is_to_be_done_with_them,
        a_failure_that_is_forgotten_leaves_its_object_due,
    }
    cycles {
        a_cycle_begins_with_what_is_linked_and_exported,
        what_is_held_is_counted_as_it_changes,
        old_cycles_are_pruned_but_not_what_is_still_asked_for,
        how_a_job_stands_is_stored_with_the_end_of_its_cycle,
        unseen_objects_are_candidates_page_by_page,
        a_schema_change_makes_everything_due,
        the_matching_index_finds_resources_by_value,
        a_job_keeps_its_target_while_it_has_links,
        unknown_jobs_are_named,
        a_snapshot_is_of_one_moment,
    }
}

/// A store in a file of its own.
async fn sqlite_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&Secret::new(path.to_str().unwrap()), None).await.unwrap();
    (folder, store)
}

#[tokio::test]
async fn the_whole_suite_holds_on_postgresql() {
    let server = Postgres::start();
    for (number, (name, case)) in SUITE.iter().enumerate() {
        println!("{name}");
        let url = server.create_database(&format!("case_{number}")).await;
        case(Store::open(&url, None).await.unwrap()).await;
    }
}
