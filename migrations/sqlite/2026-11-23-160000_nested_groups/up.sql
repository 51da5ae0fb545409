-- Groups in groups. An edge says whether it leads to a group of its own kind, so that these few are found among very
-- many members. Until now only these attributes held members.
ALTER TABLE edges ADD COLUMN nested BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE edges SET nested = TRUE
WHERE LOWER(attribute) IN ('members', 'member', 'uniquemember') AND to_anchor IS NOT NULL AND EXISTS (
    SELECT 1 FROM objects
    WHERE objects.job = edges.job AND objects.anchor = edges.to_anchor AND objects.mapping = edges.mapping);
CREATE INDEX edges_nested ON edges (job, mapping, from_anchor, attribute) WHERE nested AND wanted;

-- What becomes of them.
ALTER TABLE jobs ADD COLUMN nested_groups TEXT NOT NULL DEFAULT 'groups'
    CHECK (nested_groups IN ('groups', 'flatten', 'ignore'));

-- Which groups are reached from which. Where that has changed, the people of the inner group are gone through, those after
-- the reference `unscanned`; NULL when that is done.
CREATE TABLE nestings (
    job         TEXT NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping     TEXT NOT NULL,
    outer_group TEXT NOT NULL,
    inner_group TEXT NOT NULL,
    depth       BIGINT NOT NULL,
    holds       BOOLEAN NOT NULL,
    unscanned   TEXT,
    PRIMARY KEY (job, mapping, outer_group, inner_group)
) WITHOUT ROWID;
CREATE INDEX nestings_inner ON nestings (job, mapping, inner_group);
CREATE INDEX nestings_unscanned ON nestings (job, mapping) WHERE unscanned IS NOT NULL;

-- What has changed since people were last flattened: who is in a group, or, with an empty member, which groups are.
CREATE TABLE nesting_news (
    job          TEXT NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping      TEXT NOT NULL,
    group_anchor TEXT NOT NULL,
    member       TEXT NOT NULL,
    PRIMARY KEY (job, mapping, group_anchor, member)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('edges', 'edges_nested', '10000 10000 10000 10 10'),
    ('nestings', 'nestings', '100000 50000 50000 20 1'),
    ('nestings', 'nestings_inner', '100000 50000 50000 20 1'),
    ('nestings', 'nestings_unscanned', '100 100 100 10 1'),
    ('nesting_news', 'nesting_news', '1000 1000 1000 10 1');
ANALYZE sqlite_schema;
