CREATE TABLE carried_resources AS
SELECT resources.*, lower(collections.kind) AS kind, collections.tenant AS tenant
FROM resources JOIN collections ON collections.id = resources.collection;
CREATE TABLE carried_members AS
SELECT members.sequence, groups.id AS group_id, people.id AS value, members.display
FROM members
JOIN carried_resources AS groups ON groups.sequence = members.group_sequence
JOIN carried_resources AS people ON people.sequence = members.member
-- Other types, and tenants with a name, were not known before.
WHERE groups.tenant = '' AND groups.kind IN ('user', 'group') AND people.tenant = '' AND people.kind IN ('user', 'group');
DROP TABLE members;
DROP TABLE resource_values;
DROP TABLE indexes;
DROP TABLE blocks;
DROP TABLE resources;
DROP TABLE collections;

CREATE TABLE resources (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    user_name TEXT UNIQUE,
    display_key TEXT,
    display_name TEXT,
    external_id TEXT,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);

CREATE INDEX resources_by_kind ON resources (kind);
CREATE INDEX resources_by_external_id ON resources (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX resources_by_display_key ON resources (display_key) WHERE display_key IS NOT NULL;

CREATE TABLE members (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    group_id TEXT NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    value TEXT NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    display TEXT,
    UNIQUE (group_id, value)
);

CREATE INDEX members_by_value ON members (value);

INSERT INTO resources (sequence, id, kind, user_name, display_key, display_name, external_id, created, modified, version, document)
SELECT sequence, id, kind, lower(document ->> 'userName'), lower(document ->> 'displayName'), document ->> 'displayName',
    document ->> 'externalId', created, modified, version, document
FROM carried_resources WHERE tenant = '' AND kind IN ('user', 'group');

INSERT INTO members (sequence, group_id, value, display) SELECT * FROM carried_members;

DROP TABLE carried_members;
DROP TABLE carried_resources;
