//! Date and time formats of .NET, in the invariant culture: `dd.MM.yyyy HH:mm`.

mod common;
mod fields;
mod parse;
mod print;
mod styles;

use chrono::{DateTime, Utc};

pub(super) use common::common_date;
pub(super) use fields::DateFormat;
pub(super) use styles::Styles;

/// A point in time, and whether its text said in which zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) instant: DateTime<Utc>,
    pub(super) has_zone: bool,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Monday on.
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// How many letters of a name its short form has.
const SHORT: usize = 3;

#[cfg(test)]
mod tests;
