-- What was asked of a job, and how often it was asked to start: whoever waits for the next cycle sees by it that the wait is over.
ALTER TABLE jobs ADD COLUMN state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'pausing', 'paused'));
ALTER TABLE jobs ADD COLUMN starts BIGINT NOT NULL DEFAULT 0;
CREATE INDEX cycles_running ON cycles (job) WHERE state = 'running';
