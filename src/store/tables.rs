//! The tables of the store for diesel, dense by nature. The migrations are the truth; this follows them.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    jobs (job) {
        job -> Text,
        application -> Text,
        target -> Text,
        schema_version -> BigInt,
        generation -> BigInt,
        hash_key -> Nullable<Binary>,
        health -> Nullable<Text>,
        told -> Nullable<Text>,
        mailed -> Nullable<Text>,
        state -> Text,
        starts -> BigInt,
        nested_groups -> Text,
        assignments -> Nullable<Text>,
        milestones -> Nullable<Text>,
    }
}

table! {
    watermarks (job, feed) {
        job -> Text,
        feed -> Text,
        directory -> Text,
        view -> Text,
        checkpoint -> Text,
        round -> Text,
        generation -> BigInt,
    }
}

table! {
    objects (job, anchor, mapping) {
        job -> Text,
        anchor -> Text,
        mapping -> Text,
        kind -> Text,
        attributes -> Text,
        lifecycle -> Text,
        generation -> BigInt,
        revision -> BigInt,
        evaluated_schema -> BigInt,
        due -> Bool,
        waits_for -> Nullable<Text>,
    }
}

table! {
    object_names (job, name) {
        job -> Text,
        name -> Text,
        kind -> Text,
        anchor -> Text,
    }
}

table! {
    containers (job, anchor) {
        job -> Text,
        anchor -> Text,
        name -> Text,
    }
}

table! {
    links (job, anchor, mapping) {
        job -> Text,
        mapping -> Text,
        anchor -> Text,
        target -> Text,
        resource_kind -> Text,
        resource -> Text,
        exported -> Text,
        exported_at -> Nullable<Timestamp>,
    }
}

table! {
    holdings (job, mapping) {
        job -> Text,
        mapping -> Text,
        linked -> BigInt,
        exported_edges -> BigInt,
    }
}

table! {
    edges (job, mapping, from_anchor, attribute, reference) {
        job -> Text,
        mapping -> Text,
        from_anchor -> Text,
        attribute -> Text,
        reference -> Text,
        to_anchor -> Nullable<Text>,
        wanted -> Bool,
        export -> Text,
        exported_as -> Nullable<Text>,
        generation -> BigInt,
        nested -> Bool,
    }
}

table! {
    nestings (job, mapping, outer_group, inner_group) {
        job -> Text,
        mapping -> Text,
        outer_group -> Text,
        inner_group -> Text,
        depth -> BigInt,
        holds -> Bool,
        unscanned -> Nullable<Text>,
    }
}

table! {
    nesting_news (job, mapping, group_anchor, member) {
        job -> Text,
        mapping -> Text,
        group_anchor -> Text,
        member -> Text,
    }
}

table! {
    assignments (job, principal, role) {
        job -> Text,
        principal -> Text,
        role -> Text,
        kind -> Text,
        provisionable -> Bool,
        value -> Nullable<Text>,
        display_name -> Nullable<Text>,
        missed_by -> Nullable<Text>,
    }
}

table! {
    assignment_news (job, group_anchor) {
        job -> Text,
        group_anchor -> Text,
        after -> Text,
    }
}

table! {
    intents (page) {
        page -> Text,
        job -> Text,
        target -> Text,
        objects -> Text,
        taken -> Text,
        actions -> Text,
    }
}

table! {
    removals (id) {
        id -> Text,
        job -> Text,
        mapping -> Text,
        anchor -> Text,
        effect -> Text,
        attribute -> Text,
        resource -> Text,
        amount -> BigInt,
        state -> Text,
        reason -> Text,
        held_at -> Timestamp,
        not_before -> Nullable<Timestamp>,
    }
}

table! {
    claimants (job, mapping, anchor) {
        job -> Text,
        mapping -> Text,
        anchor -> Text,
        former -> Text,
        resource -> Text,
        confirmed -> Bool,
        since -> Timestamp,
    }
}

table! {
    let_through (id) {
        id -> Text,
        job -> Text,
        mapping -> Text,
        measure -> Text,
        attribute -> Text,
        amount -> BigInt,
        at -> Timestamp,
    }
}

table! {
    escrows (job, mapping, anchor) {
        job -> Text,
        mapping -> Text,
        anchor -> Text,
        class -> Text,
        code -> Text,
        message -> Text,
        attempts -> BigInt,
        first_failed_at -> Timestamp,
        next_attempt_at -> Nullable<Timestamp>,
    }
}

table! {
    cycles (id) {
        id -> Text,
        job -> Text,
        kind -> Text,
        state -> Text,
        generation -> BigInt,
        baseline -> Text,
        counters -> Text,
        error -> Nullable<Text>,
        started_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}

table! {
    provisioning_log (job, page) {
        job -> Text,
        page -> Text,
        cycle -> Text,
        at -> Timestamp,
        statuses -> BigInt,
        objects -> Binary,
        lines -> Text,
    }
}

table! {
    matching_index (job, mapping, path, value, resource) {
        job -> Text,
        mapping -> Text,
        path -> Text,
        value -> Text,
        resource -> Text,
        content -> Text,
    }
}

allow_tables_to_appear_in_same_query!(
    jobs,
    watermarks,
    objects,
    object_names,
    containers,
    links,
    holdings,
    edges,
    nestings,
    nesting_news,
    assignments,
    assignment_news,
    intents,
    removals,
    claimants,
    let_through,
    escrows,
    cycles,
    provisioning_log,
    matching_index,
);
