-- The connector space: what a job knows of its objects on both sides. Ids are text made by the program, times are
-- UTC, documents are JSON in TEXT. Keys compare by bytes on both back ends.

CREATE TABLE jobs (
    job            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    application    TEXT COLLATE "C" NOT NULL,
    target         TEXT COLLATE "C" NOT NULL,
    schema_version BIGINT NOT NULL,
    generation     BIGINT NOT NULL
);
CREATE INDEX jobs_target ON jobs (target);

CREATE TABLE watermarks (
    job        TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    feed       TEXT COLLATE "C" NOT NULL,
    directory  TEXT NOT NULL,
    view       TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    round      TEXT NOT NULL CHECK (round IN ('full', 'changes')),
    generation BIGINT NOT NULL,
    PRIMARY KEY (job, feed)
);

CREATE TABLE objects (
    job              TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    anchor           TEXT COLLATE "C" NOT NULL,
    mapping          TEXT COLLATE "C" NOT NULL,
    kind             TEXT NOT NULL,
    attributes       TEXT NOT NULL,
    lifecycle        TEXT NOT NULL CHECK (lifecycle IN ('present', 'softDeleted', 'leftFeed', 'deleted')),
    generation       BIGINT NOT NULL,
    revision         BIGINT NOT NULL,
    evaluated_schema BIGINT NOT NULL,
    due              BOOLEAN NOT NULL,
    waits_for        TEXT COLLATE "C",
    PRIMARY KEY (job, anchor, mapping)
);
CREATE INDEX objects_due ON objects (job, mapping, anchor) WHERE due;
CREATE INDEX objects_waits_for ON objects (waits_for) WHERE waits_for IS NOT NULL;

-- One name means one object; the object that was last seen under a name has it.
CREATE TABLE object_names (
    job    TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    name   TEXT COLLATE "C" NOT NULL,
    kind   TEXT NOT NULL,
    anchor TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (job, name)
);
CREATE INDEX object_names_anchor ON object_names (job, anchor);

CREATE TABLE containers (
    job    TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    anchor TEXT COLLATE "C" NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (job, anchor)
);
CREATE INDEX containers_name ON containers (job, name);

-- A resource belongs to one object, whichever job of the target found it first.
CREATE TABLE links (
    job           TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping       TEXT COLLATE "C" NOT NULL,
    anchor        TEXT COLLATE "C" NOT NULL,
    target        TEXT COLLATE "C" NOT NULL,
    resource_kind TEXT COLLATE "C" NOT NULL,
    resource      TEXT COLLATE "C" NOT NULL,
    exported      TEXT NOT NULL,
    PRIMARY KEY (job, anchor, mapping)
);
CREATE UNIQUE INDEX links_resource ON links (target, resource_kind, resource);

CREATE TABLE edges (
    job         TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping     TEXT COLLATE "C" NOT NULL,
    from_anchor TEXT COLLATE "C" NOT NULL,
    attribute   TEXT COLLATE "C" NOT NULL,
    reference   TEXT COLLATE "C" NOT NULL,
    to_anchor   TEXT COLLATE "C",
    wanted      BOOLEAN NOT NULL,
    export      TEXT NOT NULL CHECK (export IN ('never', 'unknown', 'exported')),
    exported_as TEXT COLLATE "C",
    generation  BIGINT NOT NULL,
    PRIMARY KEY (job, mapping, from_anchor, attribute, reference),
    CHECK (wanted OR export <> 'never')
);
CREATE INDEX edges_reference ON edges (job, reference);
CREATE INDEX edges_to_anchor ON edges (to_anchor) WHERE to_anchor IS NOT NULL;
CREATE INDEX edges_to_add ON edges (job, mapping, from_anchor) WHERE wanted AND export <> 'exported';
CREATE INDEX edges_to_remove ON edges (job, mapping, from_anchor) WHERE NOT wanted;

-- One row a page of actions: what is about to be sent, and beside it the objects and the values that it concerns.
CREATE TABLE intents (
    page    TEXT NOT NULL PRIMARY KEY,
    job     TEXT NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    target  TEXT NOT NULL,
    objects TEXT NOT NULL,
    taken   TEXT NOT NULL,
    actions TEXT NOT NULL
);
CREATE INDEX intents_job ON intents (job, page);
CREATE INDEX intents_target ON intents (target);

CREATE TABLE removals (
    id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    job     TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping TEXT COLLATE "C" NOT NULL,
    anchor  TEXT COLLATE "C" NOT NULL,
    effect  TEXT NOT NULL CHECK (effect IN ('disable', 'delete', 'edges')),
    state   TEXT NOT NULL CHECK (state IN ('held', 'approved', 'staged', 'rejected')),
    reason  TEXT NOT NULL,
    held_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX removals_object ON removals (job, mapping, anchor, effect);
CREATE INDEX removals_state ON removals (job, state, id);

CREATE TABLE escrows (
    job             TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping         TEXT COLLATE "C" NOT NULL,
    anchor          TEXT COLLATE "C" NOT NULL,
    class           TEXT NOT NULL CHECK (class IN
        ('transient', 'conflict', 'object', 'credentials', 'outage', 'resync', 'configuration')),
    code            TEXT NOT NULL,
    message         TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    first_failed_at TIMESTAMP NOT NULL,
    next_attempt_at TIMESTAMP,
    PRIMARY KEY (job, mapping, anchor)
);
CREATE INDEX escrows_next_attempt ON escrows (job, next_attempt_at);

CREATE TABLE cycles (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    job        TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('initial', 'incremental')),
    state      TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'partial', 'failed', 'interrupted')),
    generation BIGINT NOT NULL,
    baseline   TEXT NOT NULL,
    counters   TEXT NOT NULL,
    error      TEXT,
    started_at TIMESTAMP NOT NULL,
    ended_at   TIMESTAMP
);
CREATE INDEX cycles_job ON cycles (job, id);

-- One row a page of actions.
CREATE TABLE provisioning_log (
    job   TEXT NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    page  TEXT NOT NULL,
    cycle TEXT NOT NULL,
    at    TIMESTAMP NOT NULL,
    lines TEXT NOT NULL,
    PRIMARY KEY (job, page)
);

-- The target's resources by the values that find them, listed once before an initial cycle.
CREATE TABLE matching_index (
    job      TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping  TEXT COLLATE "C" NOT NULL,
    path     TEXT COLLATE "C" NOT NULL,
    value    TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    content  TEXT NOT NULL,
    PRIMARY KEY (job, mapping, path, value, resource)
);
