-- Who matches the resource of another object of the same mapping, which is left to a person where that one is gone.
CREATE TABLE claimants (
    job       TEXT NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping   TEXT NOT NULL,
    anchor    TEXT NOT NULL,
    former    TEXT NOT NULL,
    resource  TEXT NOT NULL,
    confirmed BOOLEAN NOT NULL,
    since     TIMESTAMP NOT NULL,
    PRIMARY KEY (job, mapping, anchor)
);
CREATE INDEX claimants_former ON claimants (job, mapping, former);
CREATE INDEX objects_gone ON objects (job, mapping, anchor) WHERE lifecycle = 'deleted';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('objects', 'objects_gone', '1000 1000 1000 1');
ANALYZE sqlite_schema;
