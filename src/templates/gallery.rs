//! The tables that come with the program.

use super::Template;
use super::application::Application;

/// Every table of an application, by id.
const TABLES: &[&str] = &[
    include_str!("applications/atlassian.json"),
    include_str!("applications/aws-iam-identity-center.json"),
    include_str!("applications/databricks.json"),
    include_str!("applications/github-emu.json"),
    include_str!("applications/gitlab.json"),
    include_str!("applications/salesforce.json"),
    include_str!("applications/scim.json"),
    include_str!("applications/servicenow.json"),
    include_str!("applications/slack.json"),
    include_str!("applications/snowflake.json"),
    include_str!("applications/zoom.json"),
];

pub(super) fn templates() -> Vec<Template> {
    let read = |text: &&str| -> Application {
        serde_json::from_str(text).expect("the tables are part of the program, and a test reads each")
    };
    TABLES.iter().map(|text| Template::from(read(text))).collect()
}
