DROP INDEX cycles_started;
DROP TABLE let_through;
ALTER TABLE removals RENAME TO later_removals;
DROP INDEX removals_object;
DROP INDEX removals_state;

CREATE TABLE removals (
    id      TEXT COLLATE "C" NOT NULL,
    job     TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping TEXT COLLATE "C" NOT NULL,
    anchor  TEXT COLLATE "C" NOT NULL,
    effect  TEXT NOT NULL CHECK (effect IN ('disable', 'delete', 'edges')),
    state   TEXT NOT NULL CHECK (state IN ('held', 'approved', 'staged', 'rejected')),
    reason  TEXT NOT NULL,
    held_at TIMESTAMP NOT NULL,
    CONSTRAINT removals_former PRIMARY KEY (id)
);
INSERT INTO removals (id, job, mapping, anchor, effect, state, reason, held_at)
SELECT id, job, mapping, anchor, effect, CASE WHEN state = 'released' THEN 'approved' ELSE state END, reason, held_at
FROM later_removals WHERE effect <> 'clear' AND not_before IS NULL;
DROP TABLE later_removals;
CREATE UNIQUE INDEX removals_object ON removals (job, mapping, anchor, effect);
CREATE INDEX removals_state ON removals (job, state, id);
