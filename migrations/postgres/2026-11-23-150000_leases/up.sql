-- Which process drives an application, for which span of time by the clock of the server, and until when another is waiting for its
-- turn. The span reaches as far into the past as into the future: a clock that is set back by more leaves it.
CREATE TABLE leases (
    application TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder      TEXT COLLATE "C" NOT NULL,
    term        TSTZRANGE NOT NULL,
    asked_until TIMESTAMP WITH TIME ZONE
);
