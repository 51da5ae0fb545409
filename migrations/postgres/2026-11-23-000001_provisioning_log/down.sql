DROP TABLE provisioning_log;

-- One row a page of actions.
CREATE TABLE provisioning_log (
    job   TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    page  TEXT COLLATE "C" NOT NULL,
    cycle TEXT NOT NULL,
    at    TIMESTAMP NOT NULL,
    lines TEXT NOT NULL,
    PRIMARY KEY (job, page)
);
