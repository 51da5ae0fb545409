CREATE TABLE resources (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    -- In lower case: names compare without regard to it. Two groups may share a name, two users may not.
    user_name TEXT UNIQUE,
    display_key TEXT,
    display_name TEXT,
    external_id TEXT,
    -- Milliseconds since 1970.
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- The resource as JSON, without what has columns or rows of its own: id, meta, members.
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
