-- Calendars of rooms and of people's meetings, for devices that cannot sign in. An address is known by its hash.
CREATE TABLE meeting_feed (
    id BLOB NOT NULL PRIMARY KEY,
    room TEXT,
    person TEXT,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    private INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;

-- For what was decided lately, and for a room's meetings.
CREATE INDEX meeting_answer_decided ON meeting_answer (decided_ms, id);
CREATE INDEX meeting_number ON meeting (number);

-- The join data that stand in the meeting itself.
ALTER TABLE meeting ADD COLUMN inserted TEXT;
