-- Who matches the resource of another object of the same mapping, which is left to a person where that one is gone.
CREATE TABLE claimants (
    job       TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping   TEXT COLLATE "C" NOT NULL,
    anchor    TEXT COLLATE "C" NOT NULL,
    former    TEXT COLLATE "C" NOT NULL,
    resource  TEXT COLLATE "C" NOT NULL,
    confirmed BOOLEAN NOT NULL,
    since     TIMESTAMP NOT NULL,
    PRIMARY KEY (job, mapping, anchor)
);
CREATE INDEX claimants_former ON claimants (job, mapping, former);
CREATE INDEX objects_gone ON objects (job, mapping, anchor) WHERE lifecycle = 'deleted';
