-- For PostgreSQL, where several processes share the store. Here a file is locked for each job.
CREATE TABLE leases (
    application TEXT NOT NULL PRIMARY KEY,
    holder      TEXT NOT NULL,
    term        TEXT NOT NULL,
    asked_until TIMESTAMP
);
