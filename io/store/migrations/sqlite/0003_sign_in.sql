-- Who may use the pages, who does at present, and who is about to. Of tokens and states only the SHA-256 is kept.
CREATE TABLE user_account (
    name TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE web_session (
    hash BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    way TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    idle_ms INTEGER NOT NULL,
    ends_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX web_session_name ON web_session (name);
CREATE INDEX web_session_ends ON web_session (ends_ms);

CREATE TABLE pending_sign_in (
    state BLOB NOT NULL PRIMARY KEY,
    visit BLOB NOT NULL,
    target TEXT,
    nonce TEXT,
    verifier TEXT,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX pending_sign_in_expires ON pending_sign_in (expires_ms);
