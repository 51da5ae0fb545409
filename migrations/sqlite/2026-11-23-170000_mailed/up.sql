-- Which reason for a quarantine was told last by e-mail; `told` is what a webhook was told.
ALTER TABLE jobs ADD COLUMN mailed TEXT CHECK (mailed IN (
    'baseEscrowThreshold', 'escrowProportionThreshold', 'quarantineException', 'ingestionInterrupted', 'tooManyDeletes',
    'unknown'
));
