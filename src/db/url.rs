//! Which database a URL means.

use std::path::PathBuf;

use crate::secret::Secret;

use super::DbError;

/// A database, as its URL names it. A text without a scheme is the path of a SQLite file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite::memory:`: gone with its last connection.
    Memory,
    /// `sqlite:PATH`, `sqlite://PATH`, or a bare path.
    File(PathBuf),
    /// `postgres://…` or `postgresql://…`; it may hold a password.
    Postgres(Secret),
}

impl DatabaseUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`DbError::Url`] for an unknown scheme or an empty path.
    pub fn parse(url: &Secret) -> Result<Self, DbError> {
        let text = url.expose();
        let path = match text.split_once(':') {
            Some(("postgres" | "postgresql", _)) => return Ok(Self::Postgres(url.clone())),
            Some(("sqlite", ":memory:")) => return Ok(Self::Memory),
            Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
            // One letter before the colon is a drive, not a scheme.
            Some((scheme, rest)) if scheme.len() > 1 && rest.starts_with("//") => {
                return Err(DbError::Url {
                    store: format!("{scheme}://…"),
                    problem: "write `postgres://…`, `sqlite:PATH` or the path of a SQLite file".to_owned(),
                });
            }
            _ => text,
        };
        if path.is_empty() {
            let problem = "the path is empty; write `sqlite:PATH` or the path of a SQLite file".to_owned();
            return Err(DbError::Url { store: "sqlite:".to_owned(), problem });
        }
        Ok(Self::File(PathBuf::from(path)))
    }

    /// The URL as errors and logs show it: without user and password.
    pub fn shown(&self) -> String {
        match self {
            Self::Memory => "sqlite::memory:".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Postgres(url) => {
                let Ok(url) = url::Url::parse(url.expose()) else { return "postgres://…".to_owned() };
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("postgres://{}{port}{}", url.host_str().unwrap_or_default(), url.path())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_chooses_the_back_end() {
        let file = |path: &str| DatabaseUrl::File(PathBuf::from(path));
        let cases = [
            ("sqlite::memory:", DatabaseUrl::Memory),
            ("sqlite:state/a b.db", file("state/a b.db")),
            ("sqlite:///var/lib/provisor.db", file("/var/lib/provisor.db")),
            ("provisor.db", file("provisor.db")),
            ("C:\\provisor.db", file("C:\\provisor.db")),
            ("postgres://h/d", DatabaseUrl::Postgres(Secret::new("postgres://h/d"))),
            ("postgresql://h/d", DatabaseUrl::Postgres(Secret::new("postgresql://h/d"))),
        ];
        for (text, expected) in cases {
            assert_eq!(DatabaseUrl::parse(&Secret::new(text)).unwrap(), expected, "{text}");
        }
        for text in ["", "sqlite:", "sqlite://", "mysql://h/d"] {
            assert!(DatabaseUrl::parse(&Secret::new(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_shown_url_holds_no_password() {
        let url =
            DatabaseUrl::parse(&Secret::new("postgres://ada:hunter2@db.example:5433/gateway?sslmode=require")).unwrap();
        assert_eq!(url.shown(), "postgres://db.example:5433/gateway");
        assert!(!format!("{url:?}").contains("hunter2"));
        let error = DatabaseUrl::parse(&Secret::new("mysql://ada:hunter2@db/x")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
