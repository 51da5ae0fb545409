CREATE TABLE carried_resources AS SELECT * FROM resources;
CREATE TABLE carried_members AS SELECT * FROM members;
DROP TABLE members;
DROP TABLE resources;

-- The resources of one type in one tenant.
CREATE TABLE collections (
    id INTEGER PRIMARY KEY NOT NULL,
    -- Empty for the tenant that has no name.
    tenant TEXT NOT NULL,
    -- The name of the resource type.
    kind TEXT NOT NULL,
    UNIQUE (tenant, kind)
);

CREATE TABLE resources (
    -- The order of creation, and the key of every other table.
    sequence INTEGER PRIMARY KEY NOT NULL,
    collection BIGINT NOT NULL REFERENCES collections (id),
    id TEXT NOT NULL UNIQUE,
    -- Milliseconds since 1970.
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- The resource as JSON, without what has columns or rows of its own: id, meta, members.
    document TEXT NOT NULL
);

CREATE INDEX resources_by_collection ON resources (collection);
CREATE INDEX resources_by_modified ON resources (collection, modified);

-- How many resources of a collection lie in each run of 1024 sequence numbers: totals and far pages count these.
CREATE TABLE blocks (
    collection BIGINT NOT NULL,
    block BIGINT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (collection, block)
) WITHOUT ROWID;

CREATE TRIGGER resources_come AFTER INSERT ON resources BEGIN
    INSERT INTO blocks (collection, block, total) VALUES (NEW.collection, NEW.sequence >> 10, 1)
    ON CONFLICT (collection, block) DO UPDATE SET total = total + 1;
END;

CREATE TRIGGER resources_go AFTER DELETE ON resources BEGIN
    UPDATE blocks SET total = total - 1 WHERE collection = OLD.collection AND block = OLD.sequence >> 10;
END;

-- The attributes of a collection that can be looked up.
CREATE TABLE indexes (
    id INTEGER PRIMARY KEY NOT NULL,
    collection BIGINT NOT NULL REFERENCES collections (id),
    attribute TEXT NOT NULL,
    -- What makes two keys the same: exact, folded, number.
    comparison TEXT NOT NULL,
    UNIQUE (collection, attribute, comparison)
);

-- A row for each value of such an attribute. Keys are made so that their order is the order of the values.
CREATE TABLE resource_values (
    index_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    resource BIGINT NOT NULL,
    PRIMARY KEY (index_id, key, resource)
) WITHOUT ROWID;

CREATE TABLE members (
    -- The order in which members came.
    sequence INTEGER PRIMARY KEY NOT NULL,
    group_sequence BIGINT NOT NULL REFERENCES resources (sequence) ON DELETE CASCADE,
    member BIGINT NOT NULL REFERENCES resources (sequence) ON DELETE CASCADE,
    display TEXT,
    UNIQUE (group_sequence, member)
);

CREATE INDEX members_by_member ON members (member);

-- What was kept before there were tenants belongs to the one without a name. Its indexes are filled when it is opened.
INSERT INTO collections (tenant, kind) VALUES ('', 'User'), ('', 'Group');

INSERT INTO resources (sequence, collection, id, created, modified, version, document)
SELECT old.sequence, collections.id, old.id, old.created, old.modified, old.version, old.document
FROM carried_resources AS old JOIN collections ON lower(collections.kind) = lower(old.kind);

INSERT INTO members (sequence, group_sequence, member, display)
SELECT old.sequence, groups.sequence, people.sequence, old.display
FROM carried_members AS old
JOIN resources AS groups ON groups.id = old.group_id
JOIN resources AS people ON people.id = old.value;

DROP TABLE carried_members;
DROP TABLE carried_resources;
