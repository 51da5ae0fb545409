//! A format as its fields.

/// The longest fraction of a second that .NET knows: ticks of 100 nanoseconds.
const MAX_FRACTION: usize = 7;

/// Formats longer than this are no formats.
const MAX_FORMAT: usize = 256;

/// A date and time format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::expression) struct DateFormat {
    pub(super) fields: Vec<Field>,
}

/// One part of a format. A width is a number of letters: what it pads to in printing, and how many digits there are in
/// reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Year(usize),
    Month(usize),
    MonthName {
        short: bool,
    },
    Day(usize),
    DayName {
        short: bool,
    },
    /// 1 to 12.
    Hour12(usize),
    /// 0 to 23.
    Hour24(usize),
    Minute(usize),
    Second(usize),
    /// Exactly so many digits.
    Fraction(usize),
    /// At most so many digits; without any, a point before it goes as well.
    ShortFraction {
        digits: usize,
        point: bool,
    },
    /// `A` or `AM`.
    Half {
        short: bool,
    },
    Era,
    /// `+1`, `+01`, `+01:00`
    Offset(usize),
    /// `Z`, an offset, or nothing.
    Zone,
    Literal(char),
}

impl DateFormat {
    /// Reads a custom format, or one letter that stands for a standard one.
    pub(in crate::expression) fn read(text: &str) -> Result<Self, String> {
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (None, _) => Err("it is empty".to_owned()),
            (Some(letter), None) => {
                let custom = standard(letter).ok_or_else(|| format!("`{letter}` alone is no standard format"))?;
                Self::custom(custom)
            }
            _ => Self::custom(text),
        }
    }

    /// Reads a custom format.
    pub(super) fn custom(text: &str) -> Result<Self, String> {
        if text.len() > MAX_FORMAT {
            return Err(format!("it is longer than {MAX_FORMAT} bytes"));
        }
        let letters: Vec<char> = text.chars().collect();
        let mut fields = Vec::new();
        let mut index = 0;
        while let Some(&letter) = letters.get(index) {
            let rest = &letters[index..];
            index += match letter {
                '\'' | '"' => quoted(rest, &mut fields)?,
                '\\' => {
                    fields.push(Field::Literal(*rest.get(1).ok_or("a backslash ends it")?));
                    2
                }
                '%' => match rest.get(1) {
                    Some(next) if *next != '%' => 1,
                    _ => return Err("a letter has to follow `%`".to_owned()),
                },
                _ => {
                    let width = rest.iter().take_while(|next| **next == letter).count();
                    match field(letter, width)? {
                        Some(field) => {
                            push(field, &mut fields);
                            width
                        }
                        None => {
                            fields.push(Field::Literal(letter));
                            1
                        }
                    }
                }
            };
        }
        Ok(Self { fields })
    }
}

/// A point before a fraction that may be missing belongs to it.
fn push(mut field: Field, fields: &mut Vec<Field>) {
    if let Field::ShortFraction { point, .. } = &mut field
        && fields.last() == Some(&Field::Literal('.'))
    {
        *point = true;
        fields.pop();
    }
    fields.push(field);
}

fn quoted(rest: &[char], fields: &mut Vec<Field>) -> Result<usize, String> {
    let mut index = 1;
    loop {
        match rest.get(index) {
            None => return Err("a quote is not closed".to_owned()),
            Some(letter) if *letter == rest[0] => return Ok(index + 1),
            Some('\\') => {
                fields.push(Field::Literal(*rest.get(index + 1).ok_or("a backslash ends it")?));
                index += 2;
            }
            Some(letter) => {
                fields.push(Field::Literal(*letter));
                index += 1;
            }
        }
    }
}

/// The field of so many equal letters; `None` for a letter that stands for itself.
fn field(letter: char, width: usize) -> Result<Option<Field>, String> {
    Ok(Some(match (letter, width) {
        ('y', _) => Field::Year(width),
        ('M', 1 | 2) => Field::Month(width),
        ('M', _) => Field::MonthName { short: width == 3 },
        ('d', 1 | 2) => Field::Day(width),
        ('d', _) => Field::DayName { short: width == 3 },
        ('h', _) => Field::Hour12(width.min(2)),
        ('H', _) => Field::Hour24(width.min(2)),
        ('m', _) => Field::Minute(width.min(2)),
        ('s', _) => Field::Second(width.min(2)),
        ('f' | 'F', _) if width > MAX_FRACTION => return Err(format!("`{letter}` stands more than 7 times")),
        ('f', _) => Field::Fraction(width),
        ('F', _) => Field::ShortFraction { digits: width, point: false },
        ('t', _) => Field::Half { short: width == 1 },
        ('g', _) => Field::Era,
        ('z', _) => Field::Offset(width.min(3)),
        ('K', 1) => Field::Zone,
        ('K', _) => return Err("`K` stands more than once".to_owned()),
        _ => return Ok(None),
    }))
}

/// The custom formats that one letter stands for.
fn standard(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "MM/dd/yyyy",
        'D' => "dddd, dd MMMM yyyy",
        'f' => "dddd, dd MMMM yyyy HH:mm",
        'F' | 'U' => "dddd, dd MMMM yyyy HH:mm:ss",
        'g' => "MM/dd/yyyy HH:mm",
        'G' => "MM/dd/yyyy HH:mm:ss",
        'm' | 'M' => "MMMM dd",
        'o' | 'O' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
        'r' | 'R' => "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
        's' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
        't' => "HH:mm",
        'T' => "HH:mm:ss",
        'u' => "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
        'y' | 'Y' => "yyyy MMMM",
        _ => return None,
    })
}
