ALTER TABLE links DROP COLUMN exported_at;
