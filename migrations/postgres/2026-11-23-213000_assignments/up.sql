-- Who is assigned to the application, as the source last listed it. What a complete list lacked that was there before
-- counts until the list of another cycle lacks it, too: `missed_by` is the cycle that missed it first.
CREATE TABLE assignments (
    job           TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    principal     TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('person', 'group')),
    provisionable BOOLEAN NOT NULL,
    value         TEXT,
    display_name  TEXT,
    missed_by     TEXT,
    PRIMARY KEY (job, principal, role)
);

-- Groups whose assignment differs: their members are gone through, those after this reference.
CREATE TABLE assignment_news (
    job          TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    group_anchor TEXT COLLATE "C" NOT NULL,
    after        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (job, group_anchor)
);

-- The digest of the list that `assignments` holds: the same list again changes nothing. NULL while something is missed.
ALTER TABLE jobs ADD COLUMN assignments TEXT;
