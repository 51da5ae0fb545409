DROP INDEX links_resource;
CREATE UNIQUE INDEX links_resource ON links (target, resource_kind, resource);
DROP INDEX edges_to_add;
CREATE INDEX edges_to_add ON edges (job, mapping, from_anchor) WHERE wanted AND export <> 'exported';
DROP INDEX edges_to_remove;
CREATE INDEX edges_to_remove ON edges (job, mapping, from_anchor) WHERE NOT wanted;
