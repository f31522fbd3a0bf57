-- Calendars of rooms and of people's meetings, for devices that cannot sign in. An address is known by its hash.
CREATE TABLE meeting_feed (
    id uuid NOT NULL PRIMARY KEY,
    room text COLLATE "C",
    person text COLLATE "C",
    name text COLLATE "C" NOT NULL,
    hash bytea NOT NULL UNIQUE,
    private boolean NOT NULL,
    created_ms bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL
);

-- For what was decided lately, and for a room's meetings.
CREATE INDEX meeting_answer_decided ON meeting_answer (decided_ms, id);
CREATE INDEX meeting_number ON meeting (number);

-- The join data that stand in the meeting itself.
ALTER TABLE meeting ADD COLUMN inserted text COLLATE "C";
