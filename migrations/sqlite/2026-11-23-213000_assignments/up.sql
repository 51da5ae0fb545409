-- Who is assigned to the application, as the source last listed it. What a complete list lacked that was there before
-- counts until the list of another cycle lacks it, too: `missed_by` is the cycle that missed it first.
CREATE TABLE assignments (
    job           TEXT NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    principal     TEXT NOT NULL,
    role          TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('person', 'group')),
    provisionable BOOLEAN NOT NULL,
    value         TEXT,
    display_name  TEXT,
    missed_by     TEXT,
    PRIMARY KEY (job, principal, role)
) WITHOUT ROWID;

-- Groups whose assignment differs: their members are gone through, those after this reference.
CREATE TABLE assignment_news (
    job          TEXT NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    group_anchor TEXT NOT NULL,
    after        TEXT NOT NULL,
    PRIMARY KEY (job, group_anchor)
) WITHOUT ROWID;

-- The digest of the list that `assignments` holds: the same list again changes nothing. NULL while something is missed.
ALTER TABLE jobs ADD COLUMN assignments TEXT;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('assignments', 'assignments', '100000 50000 1 1'),
    ('assignment_news', 'assignment_news', '100 100 1');
ANALYZE sqlite_schema;
