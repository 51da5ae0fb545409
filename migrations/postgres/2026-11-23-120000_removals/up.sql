-- A removal says what it was decided for and when its time comes; attributes that are cleared are removals, too; and what
-- was let through is counted for a day.
ALTER TABLE removals RENAME TO former_removals;
DROP INDEX removals_object;
DROP INDEX removals_state;

CREATE TABLE removals (
    id         TEXT COLLATE "C" NOT NULL,
    job        TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping    TEXT COLLATE "C" NOT NULL,
    anchor     TEXT COLLATE "C" NOT NULL,
    effect     TEXT NOT NULL CHECK (effect IN ('disable', 'delete', 'edges', 'clear')),
    attribute  TEXT COLLATE "C" NOT NULL CHECK ((attribute <> '') = (effect = 'clear')),
    resource   TEXT NOT NULL,
    amount     BIGINT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('held', 'approved', 'staged', 'released', 'rejected')),
    reason     TEXT NOT NULL,
    held_at    TIMESTAMP NOT NULL,
    not_before TIMESTAMP,
    CONSTRAINT removals_primary PRIMARY KEY (id)
);
INSERT INTO removals (id, job, mapping, anchor, effect, attribute, resource, amount, state, reason, held_at)
SELECT f.id, f.job, f.mapping, f.anchor, f.effect, '',
       COALESCE((SELECT l.resource FROM links l WHERE l.job = f.job AND l.anchor = f.anchor AND l.mapping = f.mapping), ''),
       CASE WHEN f.effect = 'edges' THEN (SELECT COUNT(*) FROM edges e
           WHERE e.job = f.job AND e.mapping = f.mapping AND e.from_anchor = f.anchor AND NOT e.wanted) ELSE 0 END,
       f.state, f.reason, f.held_at
FROM former_removals f;
DROP TABLE former_removals;
CREATE UNIQUE INDEX removals_object ON removals (job, mapping, anchor, effect, attribute);
CREATE INDEX removals_state ON removals (job, state, id);

-- What the guard has let through. References of one object that are not yet confirmed stand under an id made of the
-- object, so that a cycle that begins anew counts them once; so do objects, which count once a day.
CREATE TABLE let_through (
    id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    job       TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping   TEXT COLLATE "C" NOT NULL,
    measure   TEXT NOT NULL CHECK (measure IN ('access', 'references', 'attribute')),
    attribute TEXT COLLATE "C" NOT NULL,
    amount    BIGINT NOT NULL,
    at        TIMESTAMP NOT NULL
);
CREATE INDEX let_through_job ON let_through (job, at);
CREATE INDEX cycles_started ON cycles (job, started_at);
