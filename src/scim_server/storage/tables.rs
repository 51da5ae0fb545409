//! The tables of the server. What the columns hold is said in the migrations.

diesel::table! {
    collections (id) {
        id -> BigInt,
        tenant -> Text,
        kind -> Text,
    }
}

diesel::table! {
    resources (sequence) {
        sequence -> BigInt,
        collection -> BigInt,
        id -> Text,
        created -> BigInt,
        modified -> BigInt,
        version -> BigInt,
        document -> Text,
    }
}

diesel::table! {
    blocks (collection, block) {
        collection -> BigInt,
        block -> BigInt,
        total -> BigInt,
    }
}

diesel::table! {
    indexes (id) {
        id -> BigInt,
        collection -> BigInt,
        attribute -> Text,
        comparison -> Text,
    }
}

diesel::table! {
    resource_values (index_id, key, resource) {
        index_id -> BigInt,
        key -> Text,
        resource -> BigInt,
    }
}

diesel::table! {
    members (sequence) {
        sequence -> BigInt,
        group_sequence -> BigInt,
        member -> BigInt,
        display -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(collections, resources, blocks, indexes, resource_values, members);
