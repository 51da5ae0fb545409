//! Keeps a read from going round in circles. It only counts; it requests nothing.

use url::Url;

/// How often a page may name itself as the next one before the read is given up.
const MOST_REPETITIONS: u32 = 3;
/// How many pages without content may follow each other. The service does send some.
const MOST_EMPTY_PAGES: u32 = 1000;

/// Watches the links of one read.
#[derive(Default)]
pub(super) struct LinkGuard {
    repetitions: u32,
    empty_pages: u32,
}

impl LinkGuard {
    /// Takes note that the page of `current` names `next`, and says why the read must end here, if it must.
    pub(super) fn check(&mut self, current: &Url, next: &Url, is_empty: bool) -> Result<(), &'static str> {
        self.repetitions = if current == next { self.repetitions + 1 } else { 0 };
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        if self.repetitions >= MOST_REPETITIONS {
            return Err("a page names itself as the next one again and again");
        }
        if self.empty_pages >= MOST_EMPTY_PAGES {
            return Err("there is no end of empty pages");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_names_itself_three_times_ends_the_read() {
        let (one, two) = (Url::parse("http://h/1").unwrap(), Url::parse("http://h/2").unwrap());
        let mut guard = LinkGuard::default();
        for (current, next) in [(&one, &one), (&one, &one), (&one, &two), (&two, &two), (&two, &two)] {
            assert!(guard.check(current, next, false).is_ok());
        }
        assert!(guard.check(&two, &two, false).is_err());
    }

    #[test]
    fn empty_pages_end_the_read_only_in_great_number() {
        let (one, two) = (Url::parse("http://h/1").unwrap(), Url::parse("http://h/2").unwrap());
        let mut guard = LinkGuard::default();
        assert!((1..MOST_EMPTY_PAGES).all(|_| guard.check(&one, &two, true).is_ok()));
        assert!(guard.check(&one, &two, false).is_ok());
        assert!((1..MOST_EMPTY_PAGES).all(|_| guard.check(&one, &two, true).is_ok()));
        assert!(guard.check(&one, &two, true).is_err());
    }
}
