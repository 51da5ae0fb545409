-- How much a job holds in its target, counted as it changes: removals are measured against it at the beginning of every
-- cycle, which must not take longer for what a job holds.
CREATE TABLE holdings (
    job            TEXT COLLATE "C" NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping        TEXT COLLATE "C" NOT NULL,
    linked         BIGINT NOT NULL,
    exported_edges BIGINT NOT NULL,
    PRIMARY KEY (job, mapping)
);

INSERT INTO holdings (job, mapping, linked, exported_edges)
SELECT job, mapping, SUM(linked), SUM(exported) FROM (
    SELECT job, mapping, COUNT(*) AS linked, 0 AS exported FROM links GROUP BY job, mapping
    UNION ALL
    SELECT job, mapping, 0, COUNT(*) FROM edges WHERE export = 'exported' GROUP BY job, mapping
) AS held GROUP BY job, mapping;

-- Once a statement: one that concerns thousands of rows changes one row here, once. Where the job itself goes, what it
-- held goes with it and is not counted again.
CREATE FUNCTION links_added() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO holdings (job, mapping, linked, exported_edges)
    SELECT job, mapping, COUNT(*), 0 FROM added GROUP BY job, mapping
    ON CONFLICT (job, mapping) DO UPDATE SET linked = holdings.linked + EXCLUDED.linked;
    RETURN NULL;
END $$;
CREATE FUNCTION links_ended() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE holdings SET linked = holdings.linked - gone.links
    FROM (SELECT job, mapping, COUNT(*) AS links FROM ended GROUP BY job, mapping) AS gone
    WHERE holdings.job = gone.job AND holdings.mapping = gone.mapping;
    RETURN NULL;
END $$;
CREATE FUNCTION edges_added() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO holdings (job, mapping, linked, exported_edges)
    SELECT job, mapping, 0, COUNT(*) FROM added WHERE export = 'exported' GROUP BY job, mapping
    ON CONFLICT (job, mapping) DO UPDATE SET exported_edges = holdings.exported_edges + EXCLUDED.exported_edges;
    RETURN NULL;
END $$;
CREATE FUNCTION edges_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO holdings (job, mapping, linked, exported_edges)
    SELECT job, mapping, 0, SUM(change) FROM (
        SELECT job, mapping, COUNT(*) AS change FROM after_it WHERE export = 'exported' GROUP BY job, mapping
        UNION ALL
        SELECT job, mapping, -COUNT(*) FROM before_it WHERE export = 'exported' GROUP BY job, mapping
    ) AS changes GROUP BY job, mapping HAVING SUM(change) <> 0
    ON CONFLICT (job, mapping) DO UPDATE SET exported_edges = holdings.exported_edges + EXCLUDED.exported_edges;
    RETURN NULL;
END $$;
CREATE FUNCTION edges_ended() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE holdings SET exported_edges = holdings.exported_edges - gone.edges
    FROM (SELECT job, mapping, COUNT(*) AS edges FROM ended WHERE export = 'exported' GROUP BY job, mapping) AS gone
    WHERE holdings.job = gone.job AND holdings.mapping = gone.mapping;
    RETURN NULL;
END $$;

CREATE TRIGGER links_added AFTER INSERT ON links
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION links_added();
CREATE TRIGGER links_ended AFTER DELETE ON links
    REFERENCING OLD TABLE AS ended FOR EACH STATEMENT EXECUTE FUNCTION links_ended();
CREATE TRIGGER edges_added AFTER INSERT ON edges
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION edges_added();
CREATE TRIGGER edges_changed AFTER UPDATE ON edges
    REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it FOR EACH STATEMENT EXECUTE FUNCTION edges_changed();
CREATE TRIGGER edges_ended AFTER DELETE ON edges
    REFERENCING OLD TABLE AS ended FOR EACH STATEMENT EXECUTE FUNCTION edges_ended();
