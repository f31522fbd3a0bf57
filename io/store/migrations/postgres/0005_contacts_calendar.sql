-- Tieline's own contacts and events: the entry itself as JSON in body. Each change gives an entry the next seq of its
-- mailbox and kind; one that is gone stays as a row without body, so that nobody who reads changes misses it.
CREATE TABLE record (
    id uuid NOT NULL PRIMARY KEY,
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    kind text COLLATE "C" NOT NULL,
    version uuid NOT NULL,
    seq bigint NOT NULL,
    uid text COLLATE "C",
    sort text COLLATE "C" NOT NULL,
    start_ms bigint,
    end_ms bigint,
    created_ms bigint NOT NULL,
    edited_ms bigint,
    body text COLLATE "C",
    provenance text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX record_seq ON record (mailbox, kind, seq);
CREATE INDEX record_sort ON record (mailbox, kind, sort, id) WHERE body IS NOT NULL;
CREATE INDEX record_uid ON record (mailbox, kind, uid) WHERE uid IS NOT NULL;
CREATE INDEX record_start ON record (mailbox, kind, start_ms) WHERE body IS NOT NULL;

-- By what an entry is recognised on the other side.
CREATE TABLE record_key (
    mailbox uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    record uuid NOT NULL REFERENCES record (id),
    PRIMARY KEY (mailbox, kind, key, record)
);
CREATE INDEX record_key_record ON record_key (record);

-- The last seq that was given.
CREATE TABLE record_counter (
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    kind text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (mailbox, kind)
);

-- Where the synchronization of a mailbox's contacts or calendar stands. Bodies are the engine's.
CREATE TABLE sync_state (
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    kind text COLLATE "C" NOT NULL,
    body text COLLATE "C" NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (mailbox, kind)
);

CREATE TABLE sync_link (
    id uuid NOT NULL PRIMARY KEY,
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    kind text COLLATE "C" NOT NULL,
    left_id uuid,
    right_id text COLLATE "C",
    due_ms bigint,
    place bigint NOT NULL,
    generation bigint NOT NULL,
    linked boolean NOT NULL,
    gone boolean NOT NULL,
    missing boolean NOT NULL,
    quarantined boolean NOT NULL,
    body text COLLATE "C" NOT NULL
);
CREATE INDEX sync_link_left ON sync_link (mailbox, kind, left_id);
CREATE INDEX sync_link_right ON sync_link (mailbox, kind, right_id);
CREATE INDEX sync_link_due ON sync_link (mailbox, kind, place, id) WHERE due_ms IS NOT NULL;
CREATE INDEX sync_link_generation ON sync_link (mailbox, kind, generation, id) WHERE right_id IS NOT NULL;

CREATE TABLE sync_conflict (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    kind text COLLATE "C" NOT NULL,
    link uuid NOT NULL,
    at_ms bigint NOT NULL,
    body text COLLATE "C" NOT NULL
);
CREATE INDEX sync_conflict_mailbox ON sync_conflict (mailbox, kind, seq);

-- Deletions that can be undone.
CREATE TABLE deletion (
    id uuid NOT NULL PRIMARY KEY,
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    kind text COLLATE "C" NOT NULL,
    record uuid,
    headline text COLLATE "C" NOT NULL,
    deleted_by text COLLATE "C" NOT NULL,
    at_ms bigint NOT NULL,
    until_ms bigint NOT NULL,
    restored_ms bigint,
    body text COLLATE "C" NOT NULL
);
CREATE INDEX deletion_mailbox ON deletion (mailbox, at_ms);
CREATE INDEX deletion_until ON deletion (until_ms);

-- Copies of contacts and calendars, taken before something is written.
CREATE TABLE snapshot (
    id uuid NOT NULL PRIMARY KEY,
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    kind text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    at_ms bigint NOT NULL,
    complete_ms bigint
);
CREATE INDEX snapshot_mailbox ON snapshot (mailbox, kind, at_ms);

CREATE TABLE snapshot_entry (
    snapshot uuid NOT NULL REFERENCES snapshot (id),
    side text COLLATE "C" NOT NULL,
    entry text COLLATE "C" NOT NULL,
    headline text COLLATE "C" NOT NULL,
    body text COLLATE "C" NOT NULL,
    PRIMARY KEY (snapshot, side, entry)
);

-- Calendars that programs subscribe to. Of the token only the SHA-256 is kept.
CREATE TABLE feed (
    id uuid NOT NULL PRIMARY KEY,
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    name text COLLATE "C" NOT NULL,
    hash bytea NOT NULL UNIQUE,
    private boolean NOT NULL,
    created_ms bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL
);
CREATE INDEX feed_mailbox ON feed (mailbox);
