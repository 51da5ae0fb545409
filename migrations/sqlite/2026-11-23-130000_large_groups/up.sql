-- Who holds a resource is also asked where its type is not known.
DROP INDEX links_resource;
CREATE UNIQUE INDEX links_resource ON links (target, resource, resource_kind);
-- A group may have very many members, of which few are news: they are found by attribute, too.
DROP INDEX edges_to_add;
CREATE INDEX edges_to_add ON edges (job, mapping, from_anchor, attribute) WHERE wanted AND export <> 'exported';
DROP INDEX edges_to_remove;
CREATE INDEX edges_to_remove ON edges (job, mapping, from_anchor, attribute) WHERE NOT wanted;

DELETE FROM sqlite_stat1 WHERE idx IN
    ('links_resource', 'edges_to_add', 'edges_to_remove', 'sqlite_autoindex_edges_1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('links', 'links_resource', '1000000 500000 1 1'),
    ('edges', 'edges_to_add', '10000 10000 10000 20 20'),
    ('edges', 'edges_to_remove', '1000 1000 1000 5 5'),
    ('edges', 'sqlite_autoindex_edges_1', '5000000 2500000 2000000 1000 1000 1');
ANALYZE sqlite_schema;
