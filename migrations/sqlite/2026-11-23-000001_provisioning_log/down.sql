DROP TABLE provisioning_log;

-- One row a page of actions.
CREATE TABLE provisioning_log (
    job   TEXT NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    page  TEXT NOT NULL,
    cycle TEXT NOT NULL,
    at    TIMESTAMP NOT NULL,
    lines TEXT NOT NULL,
    PRIMARY KEY (job, page)
);
