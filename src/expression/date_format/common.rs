//! The dates that `CDate` reads: forms in common use, tried in turn.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};

use super::Styles;
use super::fields::{DateFormat, Field};

/// Complete forms.
const WHOLE: &[&str] = &[
    "yyyy-MM-ddTHH:mm:ss.FK",
    "yyyy-MM-ddTHH:mmK",
    // A date may have an offset without a time: midnight there.
    "yyyy-MM-ddK",
    "yyyyMMdd",
    // Generalized time of LDAP (RFC 4517 section 3.3.13), whose minutes and seconds may be left out.
    "yyyyMMddHHmmss.FK",
    "yyyyMMddHHmmK",
    "yyyyMMddHHK",
    "yyyyMMddTHHmmssK",
    // RFC 1123 and its numeric sister of RFC 5322.
    "ddd, d MMM yyyy HH:mm:ss 'GMT'",
    "ddd, d MMM yyyy HH:mm:ss zzz",
    "d MMM yyyy HH:mm:ss zzz",
];

/// Forms of a date that a time may follow.
const DATES: &[&str] = &[
    "yyyy-MM-dd",
    "M/d/yyyy",
    "yyyy/M/d",
    "d MMM yyyy",
    "d MMMM yyyy",
    "MMM d, yyyy",
    "MMMM d, yyyy",
    "d-MMM-yyyy",
    "dddd, d MMMM yyyy",
    "dddd, MMMM d, yyyy",
];

const TIMES: &[&str] = &["", " H:mm:ss.FK", " H:mm:ss.F K", " H:mmK", " h:mm:ss tt", " h:mm tt"];

static FORMATS: LazyLock<Vec<DateFormat>> = LazyLock::new(|| {
    let whole = WHOLE.iter().map(|form| (*form).to_owned());
    let dated = DATES.iter().flat_map(|date| TIMES.iter().map(move |time| [*date, *time].concat()));
    whole.chain(dated).filter_map(|form| DateFormat::custom(&form).ok()).map(any_fraction).collect()
});

/// The instant of a date in a common form; without an offset it is UTC. `None` for any other text.
pub(in crate::expression) fn common_date(text: &str) -> Option<DateTime<Utc>> {
    // A generous bound: the longest form with its longest names is far shorter.
    if text.len() > 80 {
        return None;
    }
    let styles = Styles::read("")?;
    // No form leaves out the date, so the clock does not matter.
    let moment = FORMATS.iter().find_map(|format| format.parse(text, styles, DateTime::UNIX_EPOCH))?;
    Some(moment.instant)
}

/// Directories write fractions of any length.
fn any_fraction(mut format: DateFormat) -> DateFormat {
    for field in &mut format.fields {
        if let Field::ShortFraction { digits, .. } = field {
            *digits = 30;
        }
    }
    format
}
