-- Rooms that administrators made, meetings and what they hold, and the answers to invitations.
CREATE TABLE meeting_room (
    id BLOB NOT NULL PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;

-- occurrence_ms is 0 for a meeting or series as a whole.
CREATE TABLE meeting (
    id BLOB NOT NULL PRIMARY KEY,
    uid TEXT NOT NULL,
    occurrence_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    number TEXT,
    changed_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX meeting_key ON meeting (uid, occurrence_ms);
CREATE INDEX meeting_changed ON meeting (changed_ms);

CREATE TABLE reservation (
    meeting BLOB NOT NULL REFERENCES meeting (id),
    number TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX reservation_number ON reservation (number, start_ms);
CREATE INDEX reservation_meeting ON reservation (meeting);

-- One row for each version of an invitation: a second answer to it cannot be written.
CREATE TABLE meeting_answer (
    id BLOB NOT NULL PRIMARY KEY,
    meeting BLOB NOT NULL REFERENCES meeting (id),
    version TEXT NOT NULL UNIQUE,
    decided_ms INTEGER NOT NULL,
    sent_ms INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX meeting_answer_meeting ON meeting_answer (meeting, decided_ms);

-- How far a conference mailbox was read, and how often meetings changed.
CREATE TABLE conference_mailbox (
    address TEXT NOT NULL PRIMARY KEY,
    cursor TEXT
) STRICT;
