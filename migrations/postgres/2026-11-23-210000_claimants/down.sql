DROP INDEX objects_gone;
DROP TABLE claimants;
