-- Tieline's own contacts and events: the entry itself as JSON in body. Each change gives an entry the next seq of its
-- mailbox and kind; one that is gone stays as a row without body, so that nobody who reads changes misses it.
CREATE TABLE record (
    id BLOB NOT NULL PRIMARY KEY,
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    kind TEXT NOT NULL,
    version BLOB NOT NULL,
    seq INTEGER NOT NULL,
    uid TEXT,
    sort TEXT NOT NULL,
    start_ms INTEGER,
    end_ms INTEGER,
    created_ms INTEGER NOT NULL,
    edited_ms INTEGER,
    body TEXT,
    provenance TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX record_seq ON record (mailbox, kind, seq);
CREATE INDEX record_sort ON record (mailbox, kind, sort, id) WHERE body IS NOT NULL;
CREATE INDEX record_uid ON record (mailbox, kind, uid) WHERE uid IS NOT NULL;
CREATE INDEX record_start ON record (mailbox, kind, start_ms) WHERE body IS NOT NULL;

-- By what an entry is recognised on the other side.
CREATE TABLE record_key (
    mailbox BLOB NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    record BLOB NOT NULL REFERENCES record (id),
    PRIMARY KEY (mailbox, kind, key, record)
) STRICT;
CREATE INDEX record_key_record ON record_key (record);

-- The last seq that was given.
CREATE TABLE record_counter (
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    kind TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (mailbox, kind)
) STRICT;

-- Where the synchronization of a mailbox's contacts or calendar stands. Bodies are the engine's.
CREATE TABLE sync_state (
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (mailbox, kind)
) STRICT;

CREATE TABLE sync_link (
    id BLOB NOT NULL PRIMARY KEY,
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    kind TEXT NOT NULL,
    left_id BLOB,
    right_id TEXT,
    due_ms INTEGER,
    place INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    linked INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX sync_link_left ON sync_link (mailbox, kind, left_id);
CREATE INDEX sync_link_right ON sync_link (mailbox, kind, right_id);
CREATE INDEX sync_link_due ON sync_link (mailbox, kind, place, id) WHERE due_ms IS NOT NULL;
CREATE INDEX sync_link_generation ON sync_link (mailbox, kind, generation, id) WHERE right_id IS NOT NULL;

CREATE TABLE sync_conflict (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    kind TEXT NOT NULL,
    link BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX sync_conflict_mailbox ON sync_conflict (mailbox, kind, seq);

-- Deletions that can be undone.
CREATE TABLE deletion (
    id BLOB NOT NULL PRIMARY KEY,
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    kind TEXT NOT NULL,
    record BLOB,
    headline TEXT NOT NULL,
    deleted_by TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    restored_ms INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX deletion_mailbox ON deletion (mailbox, at_ms);
CREATE INDEX deletion_until ON deletion (until_ms);

-- Copies of contacts and calendars, taken before something is written.
CREATE TABLE snapshot (
    id BLOB NOT NULL PRIMARY KEY,
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    complete_ms INTEGER
) STRICT;
CREATE INDEX snapshot_mailbox ON snapshot (mailbox, kind, at_ms);

CREATE TABLE snapshot_entry (
    snapshot BLOB NOT NULL REFERENCES snapshot (id),
    side TEXT NOT NULL,
    entry TEXT NOT NULL,
    headline TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (snapshot, side, entry)
) STRICT;

-- Calendars that programs subscribe to. Of the token only the SHA-256 is kept.
CREATE TABLE feed (
    id BLOB NOT NULL PRIMARY KEY,
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    private INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;
CREATE INDEX feed_mailbox ON feed (mailbox);
