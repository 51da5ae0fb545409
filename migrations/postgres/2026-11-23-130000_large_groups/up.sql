-- Who holds a resource is also asked where its type is not known.
DROP INDEX links_resource;
CREATE UNIQUE INDEX links_resource ON links (target, resource, resource_kind);
-- A group may have very many members, of which few are news: they are found by attribute, too.
DROP INDEX edges_to_add;
CREATE INDEX edges_to_add ON edges (job, mapping, from_anchor, attribute) WHERE wanted AND export <> 'exported';
DROP INDEX edges_to_remove;
CREATE INDEX edges_to_remove ON edges (job, mapping, from_anchor, attribute) WHERE NOT wanted;
