DROP INDEX cycles_running;
ALTER TABLE jobs DROP COLUMN starts;
ALTER TABLE jobs DROP COLUMN state;
