//! The tables of the server. What the columns hold is said in the migrations.

diesel::table! {
    resources (sequence) {
        sequence -> BigInt,
        id -> Text,
        kind -> Text,
        user_name -> Nullable<Text>,
        display_key -> Nullable<Text>,
        display_name -> Nullable<Text>,
        external_id -> Nullable<Text>,
        created -> BigInt,
        modified -> BigInt,
        version -> BigInt,
        document -> Text,
    }
}

diesel::table! {
    members (sequence) {
        sequence -> BigInt,
        group_id -> Text,
        value -> Text,
        display -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(resources, members);
