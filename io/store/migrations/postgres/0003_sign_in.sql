-- Who may use the pages, who does at present, and who is about to. Of tokens and states only the SHA-256 is kept.
CREATE TABLE user_account (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    display_name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    password text COLLATE "C" NOT NULL,
    created_ms bigint NOT NULL,
    changed_ms bigint NOT NULL
);

CREATE TABLE web_session (
    hash bytea NOT NULL PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    display_name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    way text COLLATE "C" NOT NULL,
    created_ms bigint NOT NULL,
    seen_ms bigint NOT NULL,
    idle_ms bigint NOT NULL,
    ends_ms bigint NOT NULL
);
CREATE INDEX web_session_name ON web_session (name);
CREATE INDEX web_session_ends ON web_session (ends_ms);

CREATE TABLE pending_sign_in (
    state bytea NOT NULL PRIMARY KEY,
    visit bytea NOT NULL,
    target text COLLATE "C",
    nonce text COLLATE "C",
    verifier text COLLATE "C",
    expires_ms bigint NOT NULL
);
CREATE INDEX pending_sign_in_expires ON pending_sign_in (expires_ms);
