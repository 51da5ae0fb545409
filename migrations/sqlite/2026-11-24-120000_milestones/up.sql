-- The last cycles of each kind that a status tells of, as JSON: they are remembered for longer than cycles are kept.
ALTER TABLE jobs ADD COLUMN milestones TEXT;
