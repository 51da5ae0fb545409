//! Where the program remembers, and what goes wrong there: a file, or a database of a server.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::path::PathBuf;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use rand::Rng;
use rand::rngs::StdRng;
use tokio_postgres::NoTls;

use crate::support::postgres::Postgres;

/// The store of one world.
pub(crate) enum Memory<'server> {
    File(PathBuf),
    Database { server: &'server Postgres, name: String, url: String },
}

/// What happens to the store while the program runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StoreFault {
    /// Somebody else writes for this time, and lets nobody else.
    Locked(Duration),
    /// A file that may not grow beyond this many blocks stands for a disk that is full.
    Full { blocks: u64 },
    /// The server ends every session after this time.
    Disconnected(Duration),
}

impl Memory<'_> {
    /// As the configuration names it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite://{}", path.display()),
            Self::Database { url, .. } => url.clone(),
        }
    }

    /// What goes wrong in one cycle, if something does.
    pub(crate) fn fault(&self, random: &mut StdRng) -> Option<StoreFault> {
        let time = Duration::from_millis(random.random_range(100..1500));
        match (self, random.random_range(0..12)) {
            (_, 0) => Some(StoreFault::Locked(time)),
            (Self::File(path), 1) => {
                let size = std::fs::metadata(path).map_or(0, |file| file.len());
                Some(StoreFault::Full { blocks: size / 512 + random.random_range(0..200) })
            }
            (Self::Database { .. }, 1 | 2) => Some(StoreFault::Disconnected(time / 3)),
            _ => None,
        }
    }

    /// Does what a fault says, beside the program.
    pub(crate) async fn strike(&self, fault: StoreFault) {
        match (self, fault) {
            (Self::File(path), StoreFault::Locked(time)) => {
                let url = path.to_str().unwrap().to_owned();
                let locked = move || {
                    let Ok(mut connection) = SqliteConnection::establish(&url) else { return };
                    if connection.batch_execute("PRAGMA busy_timeout = 1000; BEGIN IMMEDIATE").is_ok() {
                        std::thread::sleep(time);
                        connection.batch_execute("ROLLBACK").unwrap();
                    }
                };
                tokio::task::spawn_blocking(locked).await.unwrap();
            }
            (Self::Database { .. }, StoreFault::Locked(time)) => {
                let locked = format!("BEGIN; LOCK TABLE objects; SELECT pg_sleep({}); ROLLBACK", time.as_secs_f64());
                // The first cycle may not have made its tables yet.
                let _ = self.execute(&locked).await;
            }
            (Self::Database { server, name, .. }, StoreFault::Disconnected(after)) => {
                tokio::time::sleep(after).await;
                server.disconnect_everyone(name).await;
            }
            (_, StoreFault::Full { .. }) | (Self::File(_), StoreFault::Disconnected(_)) => {}
        }
    }

    /// The clock goes on by this many hours, or back: seen from the store, everything happened so much longer ago.
    pub(crate) async fn move_clock(&self, hours: i32) {
        match self {
            Self::File(path) => {
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                connection.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
                for Column { of_table, name } in times_of(&mut connection) {
                    let moved = format!(
                        "UPDATE {of_table} SET {name} = strftime('%Y-%m-%d %H:%M:%f', {name}, '{} hours') \
                         WHERE {name} IS NOT NULL",
                        -hours
                    );
                    connection.batch_execute(&moved).unwrap();
                }
            }
            Self::Database { .. } => {
                let moved = format!(
                    "DO $$ DECLARE c record; BEGIN
                         FOR c IN SELECT table_name, column_name FROM information_schema.columns
                                  WHERE table_schema = 'public' AND data_type LIKE 'timestamp%'
                         LOOP EXECUTE format('UPDATE %I SET %I = %I - interval ''{hours} hours''',
                                             c.table_name, c.column_name, c.column_name);
                         END LOOP;
                     END $$"
                );
                self.execute(&moved).await.unwrap();
            }
        }
    }

    async fn execute(&self, statements: &str) -> Result<(), tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await?;
        let connection = tokio::spawn(connection);
        let done = client.batch_execute(statements).await;
        drop(client);
        let _ = connection.await;
        done
    }
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    of_table: String,
    #[diesel(sql_type = Text)]
    name: String,
}

fn times_of(connection: &mut SqliteConnection) -> Vec<Column> {
    diesel::sql_query(
        "SELECT tables.name AS of_table, columns.name AS name
         FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND columns.type = 'TIMESTAMP'",
    )
    .load(connection)
    .unwrap()
}
