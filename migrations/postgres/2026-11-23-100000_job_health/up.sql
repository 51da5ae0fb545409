-- How a job stands (JSON), and which reason for a quarantine was told last; NULL when none is, or its end was told.
ALTER TABLE jobs ADD COLUMN health TEXT;
ALTER TABLE jobs ADD COLUMN told TEXT CHECK (told IN (
    'baseEscrowThreshold', 'escrowProportionThreshold', 'quarantineException', 'ingestionInterrupted', 'tooManyDeletes',
    'unknown'
));
