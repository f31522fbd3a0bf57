-- What Tieline is told to do: one row an entry, the entry itself as JSON in body. Columns beside it are keys.
CREATE TABLE endpoint (
    id uuid NOT NULL PRIMARY KEY,
    name text COLLATE "C" UNIQUE,
    host text COLLATE "C" NOT NULL,
    body text COLLATE "C" NOT NULL
);
CREATE INDEX endpoint_host ON endpoint (host);

CREATE TABLE feature_group (
    id uuid NOT NULL PRIMARY KEY,
    name text COLLATE "C" UNIQUE,
    endpoint uuid NOT NULL REFERENCES endpoint (id),
    body text COLLATE "C" NOT NULL
);
CREATE INDEX feature_group_endpoint ON feature_group (endpoint);

CREATE TABLE mailbox (
    id uuid NOT NULL PRIMARY KEY,
    number text COLLATE "C" UNIQUE,
    address text COLLATE "C" UNIQUE,
    feature_group uuid NOT NULL REFERENCES feature_group (id),
    body text COLLATE "C" NOT NULL
);
CREATE INDEX mailbox_feature_group ON mailbox (feature_group, number);

CREATE TABLE change_set (
    version bigint NOT NULL PRIMARY KEY,
    at_ms bigint NOT NULL,
    author text COLLATE "C" NOT NULL,
    note text COLLATE "C" NOT NULL
);

CREATE TABLE change (
    version bigint NOT NULL REFERENCES change_set (version),
    place bigint NOT NULL,
    noun text COLLATE "C" NOT NULL,
    entry text COLLATE "C" NOT NULL,
    before text COLLATE "C",
    after text COLLATE "C",
    PRIMARY KEY (version, place)
);

-- Messages and their content in pieces of 64 KiB. The content may come before its message: then it is staged.
CREATE TABLE message (
    id uuid NOT NULL PRIMARY KEY,
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    kind text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    state_by text COLLATE "C",
    state_ms bigint,
    source_id text COLLATE "C",
    delivery_key uuid NOT NULL UNIQUE,
    trace uuid NOT NULL,
    received_ms bigint NOT NULL,
    accepted_ms bigint NOT NULL,
    delivered_ms bigint,
    purged_ms bigint,
    size bigint NOT NULL,
    body text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX message_source ON message (mailbox, source_id) WHERE source_id IS NOT NULL;
CREATE INDEX message_mailbox ON message (mailbox, state, kind);
CREATE INDEX message_content ON message (received_ms) WHERE purged_ms IS NULL AND size > 0;

CREATE TABLE message_chunk (
    message uuid NOT NULL,
    piece bigint NOT NULL,
    bytes bytea NOT NULL
);
CREATE UNIQUE INDEX message_chunk_piece ON message_chunk (message, piece);

CREATE TABLE staged_content (
    message uuid NOT NULL PRIMARY KEY,
    at_ms bigint NOT NULL
);

-- Where items are in the mail system, and how far its changes were read.
CREATE TABLE remote_item (
    message uuid NOT NULL PRIMARY KEY REFERENCES message (id),
    mailbox uuid NOT NULL,
    item text COLLATE "C" NOT NULL,
    folder text COLLATE "C" NOT NULL,
    read boolean NOT NULL,
    deleted boolean NOT NULL,
    at_ms bigint NOT NULL
);
CREATE INDEX remote_item_item ON remote_item (mailbox, item);

CREATE TABLE sync_cursor (
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    folder text COLLATE "C" NOT NULL,
    cursor text COLLATE "C" NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (mailbox, folder)
);

-- Durable work. The head of a stream is its first job that was not put aside.
CREATE TABLE job (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    stream text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    payload text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    attempts bigint NOT NULL,
    not_before_ms bigint NOT NULL,
    queued_ms bigint NOT NULL,
    trace uuid NOT NULL,
    subject text COLLATE "C" NOT NULL,
    dedupe text COLLATE "C",
    generation bigint NOT NULL,
    claimed_generation bigint NOT NULL,
    head boolean NOT NULL,
    quarantined boolean NOT NULL,
    reason text COLLATE "C"
);
CREATE INDEX job_stream ON job (stream, seq);
CREATE INDEX job_subject ON job (subject);
CREATE INDEX job_due ON job (not_before_ms, seq) WHERE head;
CREATE UNIQUE INDEX job_dedupe ON job (dedupe) WHERE dedupe IS NOT NULL AND NOT quarantined;

CREATE TABLE lease (
    stream text COLLATE "C" NOT NULL PRIMARY KEY,
    owner uuid,
    token bigint NOT NULL,
    expires_ms bigint NOT NULL
);

CREATE TABLE event (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms bigint NOT NULL,
    topic text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    payload text COLLATE "C" NOT NULL
);

CREATE TABLE decision (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trace uuid NOT NULL,
    subject text COLLATE "C" NOT NULL,
    at_ms bigint NOT NULL,
    rule text COLLATE "C" NOT NULL,
    inputs text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL
);
CREATE INDEX decision_trace ON decision (trace);
CREATE INDEX decision_subject ON decision (subject);

CREATE TABLE audit (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms bigint NOT NULL,
    who text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    detail text COLLATE "C" NOT NULL
);

-- Sealed with a key from the key file, bound to its name.
CREATE TABLE secret (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    key text COLLATE "C" NOT NULL,
    nonce bytea NOT NULL,
    sealed bytea NOT NULL,
    set_ms bigint NOT NULL,
    set_by text COLLATE "C" NOT NULL
);

CREATE TABLE api_token (
    id uuid NOT NULL PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    hash bytea NOT NULL UNIQUE,
    created_ms bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    expires_ms bigint,
    revoked_ms bigint
);

CREATE TABLE light_shown (
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    target text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (mailbox, target)
);

CREATE TABLE sip_subscription (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    expires_ms bigint NOT NULL
);
CREATE INDEX sip_subscription_account ON sip_subscription (account);

CREATE TABLE mailbox_health (
    mailbox uuid NOT NULL PRIMARY KEY REFERENCES mailbox (id),
    state text COLLATE "C" NOT NULL,
    since_ms bigint NOT NULL,
    checked_ms bigint NOT NULL,
    cause text COLLATE "C"
);

CREATE TABLE folder_count (
    mailbox uuid NOT NULL REFERENCES mailbox (id),
    folder text COLLATE "C" NOT NULL,
    items bigint NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (mailbox, folder)
);
