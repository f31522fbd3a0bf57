-- Rooms that administrators made, meetings and what they hold, and the answers to invitations.
CREATE TABLE meeting_room (
    id uuid NOT NULL PRIMARY KEY,
    number text COLLATE "C" NOT NULL UNIQUE,
    body text COLLATE "C" NOT NULL
);

-- occurrence_ms is 0 for a meeting or series as a whole.
CREATE TABLE meeting (
    id uuid NOT NULL PRIMARY KEY,
    uid text COLLATE "C" NOT NULL,
    occurrence_ms bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    number text COLLATE "C",
    changed_ms bigint NOT NULL,
    body text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX meeting_key ON meeting (uid, occurrence_ms);
CREATE INDEX meeting_changed ON meeting (changed_ms);

CREATE TABLE reservation (
    meeting uuid NOT NULL REFERENCES meeting (id),
    number text COLLATE "C" NOT NULL,
    start_ms bigint NOT NULL,
    end_ms bigint NOT NULL
);
CREATE INDEX reservation_number ON reservation (number, start_ms);
CREATE INDEX reservation_meeting ON reservation (meeting);

-- One row for each version of an invitation: a second answer to it cannot be written.
CREATE TABLE meeting_answer (
    id uuid NOT NULL PRIMARY KEY,
    meeting uuid NOT NULL REFERENCES meeting (id),
    version text COLLATE "C" NOT NULL UNIQUE,
    decided_ms bigint NOT NULL,
    sent_ms bigint,
    body text COLLATE "C" NOT NULL
);
CREATE INDEX meeting_answer_meeting ON meeting_answer (meeting, decided_ms);

-- How far a conference mailbox was read, and how often meetings changed.
CREATE TABLE conference_mailbox (
    address text COLLATE "C" NOT NULL PRIMARY KEY,
    cursor text COLLATE "C"
);
