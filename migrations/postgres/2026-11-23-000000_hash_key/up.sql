-- The secret of a job under which the values that must not be kept are hashed. Jobs get theirs when they run next.
ALTER TABLE jobs ADD COLUMN hash_key BYTEA;
