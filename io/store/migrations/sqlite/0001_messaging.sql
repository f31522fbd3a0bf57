-- What Tieline is told to do: one row an entry, the entry itself as JSON in body. Columns beside it are keys.
CREATE TABLE endpoint (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT UNIQUE,
    host TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX endpoint_host ON endpoint (host);

CREATE TABLE feature_group (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT UNIQUE,
    endpoint BLOB NOT NULL REFERENCES endpoint (id),
    body TEXT NOT NULL
) STRICT;
CREATE INDEX feature_group_endpoint ON feature_group (endpoint);

CREATE TABLE mailbox (
    id BLOB NOT NULL PRIMARY KEY,
    number TEXT UNIQUE,
    address TEXT UNIQUE,
    feature_group BLOB NOT NULL REFERENCES feature_group (id),
    body TEXT NOT NULL
) STRICT;
CREATE INDEX mailbox_feature_group ON mailbox (feature_group, number);

CREATE TABLE change_set (
    version INTEGER NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    author TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE change (
    version INTEGER NOT NULL REFERENCES change_set (version),
    place INTEGER NOT NULL,
    noun TEXT NOT NULL,
    entry TEXT NOT NULL,
    before TEXT,
    after TEXT,
    PRIMARY KEY (version, place)
) STRICT;

-- Messages and their content in pieces of 64 KiB. The content may come before its message: then it is staged.
CREATE TABLE message (
    id BLOB NOT NULL PRIMARY KEY,
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    state_by TEXT,
    state_ms INTEGER,
    source_id TEXT,
    delivery_key BLOB NOT NULL UNIQUE,
    trace BLOB NOT NULL,
    received_ms INTEGER NOT NULL,
    accepted_ms INTEGER NOT NULL,
    delivered_ms INTEGER,
    purged_ms INTEGER,
    size INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX message_source ON message (mailbox, source_id) WHERE source_id IS NOT NULL;
CREATE INDEX message_mailbox ON message (mailbox, state, kind);
CREATE INDEX message_content ON message (received_ms) WHERE purged_ms IS NULL AND size > 0;

CREATE TABLE message_chunk (
    message BLOB NOT NULL,
    piece INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX message_chunk_piece ON message_chunk (message, piece);

CREATE TABLE staged_content (
    message BLOB NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL
) STRICT;

-- Where items are in the mail system, and how far its changes were read.
CREATE TABLE remote_item (
    message BLOB NOT NULL PRIMARY KEY REFERENCES message (id),
    mailbox BLOB NOT NULL,
    item TEXT NOT NULL,
    folder TEXT NOT NULL,
    read INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX remote_item_item ON remote_item (mailbox, item);

CREATE TABLE sync_cursor (
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    folder TEXT NOT NULL,
    cursor TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (mailbox, folder)
) STRICT;

-- Durable work. The head of a stream is its first job that was not put aside.
CREATE TABLE job (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    stream TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL,
    queued_ms INTEGER NOT NULL,
    trace BLOB NOT NULL,
    subject TEXT NOT NULL,
    dedupe TEXT,
    generation INTEGER NOT NULL,
    claimed_generation INTEGER NOT NULL,
    head INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    reason TEXT
) STRICT;
CREATE INDEX job_stream ON job (stream, seq);
CREATE INDEX job_subject ON job (subject);
CREATE INDEX job_due ON job (not_before_ms, seq) WHERE head;
CREATE UNIQUE INDEX job_dedupe ON job (dedupe) WHERE dedupe IS NOT NULL AND NOT quarantined;

CREATE TABLE lease (
    stream TEXT NOT NULL PRIMARY KEY,
    owner BLOB,
    token INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    topic TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;

CREATE TABLE decision (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    trace BLOB NOT NULL,
    subject TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    rule TEXT NOT NULL,
    inputs TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX decision_trace ON decision (trace);
CREATE INDEX decision_subject ON decision (subject);

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

-- Sealed with a key from the key file, bound to its name.
CREATE TABLE secret (
    name TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    set_ms INTEGER NOT NULL,
    set_by TEXT NOT NULL
) STRICT;

CREATE TABLE api_token (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_ms INTEGER,
    revoked_ms INTEGER
) STRICT;

CREATE TABLE light_shown (
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    target TEXT NOT NULL,
    state TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (mailbox, target)
) STRICT;

CREATE TABLE sip_subscription (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    state TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX sip_subscription_account ON sip_subscription (account);

CREATE TABLE mailbox_health (
    mailbox BLOB NOT NULL PRIMARY KEY REFERENCES mailbox (id),
    state TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    checked_ms INTEGER NOT NULL,
    cause TEXT
) STRICT;

CREATE TABLE folder_count (
    mailbox BLOB NOT NULL REFERENCES mailbox (id),
    folder TEXT NOT NULL,
    items INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (mailbox, folder)
) STRICT;
