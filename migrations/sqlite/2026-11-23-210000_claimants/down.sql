DELETE FROM sqlite_stat1 WHERE idx = 'objects_gone';
DROP INDEX objects_gone;
DROP TABLE claimants;
