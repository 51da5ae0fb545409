-- How much a job holds in its target, counted as it changes: removals are measured against it at the beginning of every
-- cycle, which must not take longer for what a job holds.
CREATE TABLE holdings (
    job            TEXT NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,
    mapping        TEXT NOT NULL,
    linked         BIGINT NOT NULL,
    exported_edges BIGINT NOT NULL,
    PRIMARY KEY (job, mapping)
) WITHOUT ROWID;

INSERT INTO holdings (job, mapping, linked, exported_edges)
SELECT job, mapping, SUM(linked), SUM(exported) FROM (
    SELECT job, mapping, COUNT(*) AS linked, 0 AS exported FROM links GROUP BY job, mapping
    UNION ALL
    SELECT job, mapping, 0, COUNT(*) FROM edges WHERE export = 'exported' GROUP BY job, mapping
) GROUP BY job, mapping;

CREATE TRIGGER link_added AFTER INSERT ON links BEGIN
    INSERT INTO holdings (job, mapping, linked, exported_edges) VALUES (NEW.job, NEW.mapping, 1, 0)
    ON CONFLICT (job, mapping) DO UPDATE SET linked = linked + 1;
END;
CREATE TRIGGER link_ended AFTER DELETE ON links BEGIN
    UPDATE holdings SET linked = linked - 1 WHERE job = OLD.job AND mapping = OLD.mapping;
END;
CREATE TRIGGER exported_edge_added AFTER INSERT ON edges WHEN NEW.export = 'exported' BEGIN
    INSERT INTO holdings (job, mapping, linked, exported_edges) VALUES (NEW.job, NEW.mapping, 0, 1)
    ON CONFLICT (job, mapping) DO UPDATE SET exported_edges = exported_edges + 1;
END;
CREATE TRIGGER edge_exported AFTER UPDATE OF export ON edges WHEN NEW.export = 'exported' AND OLD.export <> 'exported' BEGIN
    INSERT INTO holdings (job, mapping, linked, exported_edges) VALUES (NEW.job, NEW.mapping, 0, 1)
    ON CONFLICT (job, mapping) DO UPDATE SET exported_edges = exported_edges + 1;
END;
CREATE TRIGGER edge_not_exported AFTER UPDATE OF export ON edges WHEN NEW.export <> 'exported' AND OLD.export = 'exported' BEGIN
    UPDATE holdings SET exported_edges = exported_edges - 1 WHERE job = OLD.job AND mapping = OLD.mapping;
END;
CREATE TRIGGER exported_edge_ended AFTER DELETE ON edges WHEN OLD.export = 'exported' BEGIN
    UPDATE holdings SET exported_edges = exported_edges - 1 WHERE job = OLD.job AND mapping = OLD.mapping;
END;
