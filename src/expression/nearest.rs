//! The name that may have been meant.

/// Names longer than this are not compared: the cost grows with the square of the length.
const MAX_LENGTH: usize = 128;

/// The candidate closest to `word`: the same letters in another case, or at most a third of them different. `None`
/// when nothing is close.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = folded(word);
    if word.is_empty() || word.len() > MAX_LENGTH {
        return None;
    }
    let tolerance = (word.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let letters = folded(candidate);
            let comparable = letters.len() <= MAX_LENGTH && letters.len().abs_diff(word.len()) <= tolerance;
            comparable.then(|| (distance(&word, &letters), candidate))
        })
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn folded(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The Levenshtein distance, one row at a time.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.iter().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, b) in right.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = (diagonal + usize::from(a != b)).min(above + 1).min(row[column] + 1);
            diagonal = above;
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_suggested_and_a_stranger_is_not() {
        let names = ["Append", "Prepend", "ToLower"];
        assert_eq!(nearest("append", names), Some("Append"));
        assert_eq!(nearest("Apend", names), Some("Append"));
        assert_eq!(nearest("tolowwer", names), Some("ToLower"));
        assert_eq!(nearest("Zebra", names), None);
        assert_eq!(nearest("", names), None);
    }
}
