ALTER TABLE jobs DROP COLUMN milestones;
