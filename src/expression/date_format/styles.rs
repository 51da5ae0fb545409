//! The .NET `DateTimeStyles` that make a difference where everything is UTC.

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::expression) struct Styles {
    pub(super) leading_white: bool,
    pub(super) trailing_white: bool,
    pub(super) inner_white: bool,
    /// A text without a zone has one: UTC.
    pub(super) assume_zone: bool,
    /// A text without a date is of the year 1, not of today.
    pub(super) no_current_date: bool,
}

impl Styles {
    /// Names with commas between them, in any case; without any, white space around the text is allowed. `None` for an
    /// unknown name, and for names that exclude each other.
    pub(in crate::expression) fn read(names: &str) -> Option<Self> {
        let mut styles = Self {
            leading_white: false,
            trailing_white: false,
            inner_white: false,
            assume_zone: false,
            no_current_date: false,
        };
        if names.trim().is_empty() {
            return Some(Self { leading_white: true, trailing_white: true, ..styles });
        }
        let (mut local, mut universal, mut adjust, mut round_trip) = (false, false, false, false);
        for name in names.split(',') {
            match name.trim().to_ascii_lowercase().as_str() {
                "none" => {}
                "allowleadingwhite" => styles.leading_white = true,
                "allowtrailingwhite" => styles.trailing_white = true,
                "allowinnerwhite" => styles.inner_white = true,
                "allowwhitespaces" => {
                    (styles.leading_white, styles.trailing_white, styles.inner_white) = (true, true, true);
                }
                "nocurrentdatedefault" => styles.no_current_date = true,
                "adjusttouniversal" => adjust = true,
                "assumelocal" => local = true,
                "assumeuniversal" => universal = true,
                "roundtripkind" => round_trip = true,
                _ => return None,
            }
        }
        styles.assume_zone = local || universal;
        let excluded = (local && universal) || (round_trip && (local || universal || adjust));
        (!excluded).then_some(styles)
    }
}
