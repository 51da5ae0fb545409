-- The lines of a page say more than before: values, names, resources, requests. Those written until now, which name
-- attributes alone, are not carried over.
DROP TABLE provisioning_log;

-- One row a page of actions. What a search needs stands before the lines, so that it need not read them: which statuses
-- occur, one bit each, and a hash of four bytes of everything that an object is found by.
CREATE TABLE provisioning_log (
    job      TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    page     TEXT COLLATE "C" NOT NULL,
    cycle    TEXT NOT NULL,
    at       TIMESTAMP NOT NULL,
    statuses BIGINT NOT NULL,
    objects  BYTEA NOT NULL,
    lines    TEXT NOT NULL,
    PRIMARY KEY (job, page)
);
