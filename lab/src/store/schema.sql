CREATE TABLE IF NOT EXISTS counter (
    series TEXT PRIMARY KEY,
    last   INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS mailbox (
    mailbox      INTEGER PRIMARY KEY,
    guid         BLOB NOT NULL UNIQUE,
    address      TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS folder (
    folder        INTEGER PRIMARY KEY,
    mailbox       INTEGER NOT NULL REFERENCES mailbox (mailbox),
    parent        INTEGER REFERENCES folder (folder),
    distinguished TEXT,
    class         TEXT,
    name          TEXT NOT NULL,
    search_class  TEXT,              -- a search folder shows all items whose class begins so
    hidden        INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    created_ms    INTEGER NOT NULL,
    changed_ms    INTEGER NOT NULL,
    properties    TEXT NOT NULL      -- JSON: extended properties that clients set
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS folder_distinguished ON folder (mailbox, distinguished);
CREATE UNIQUE INDEX IF NOT EXISTS folder_name ON folder (parent, name COLLATE NOCASE);

-- The folders of archives, which searches through the mailbox leave out.
CREATE VIEW IF NOT EXISTS archived AS
    WITH RECURSIVE tree (mailbox, folder) AS (
        SELECT mailbox, folder FROM folder WHERE distinguished = 'archiveroot'
        UNION ALL
        SELECT folder.mailbox, folder.folder FROM folder JOIN tree ON folder.parent = tree.folder
    )
    SELECT mailbox, folder FROM tree;

CREATE TABLE IF NOT EXISTS item (
    item        INTEGER PRIMARY KEY,
    mailbox     INTEGER NOT NULL REFERENCES mailbox (mailbox),
    folder      INTEGER NOT NULL REFERENCES folder (folder),
    version     INTEGER NOT NULL,    -- change-log number of the last change: the change key
    class       TEXT NOT NULL,
    associated  INTEGER NOT NULL,
    is_read     INTEGER NOT NULL,
    is_draft    INTEGER NOT NULL,
    has_attachments INTEGER NOT NULL,
    subject     TEXT,
    received_ms INTEGER NOT NULL,
    sent_ms     INTEGER,
    created_ms  INTEGER NOT NULL,
    changed_ms  INTEGER NOT NULL,
    changed_by  TEXT NOT NULL,
    size        INTEGER NOT NULL,
    article     INTEGER NOT NULL,    -- PR_INTERNET_ARTICLE_NUMBER: rising per mailbox
    search_key  BLOB NOT NULL,       -- PR_SEARCH_KEY: survives moves and copies
    document    BLOB NOT NULL,       -- the item element as a client may set it, without id, MIME and attachments
    mime        BLOB                 -- MIME source, when the item was made from one
) STRICT;
CREATE INDEX IF NOT EXISTS item_folder ON item (folder, associated, is_read);
CREATE INDEX IF NOT EXISTS item_received ON item (folder, received_ms);
CREATE INDEX IF NOT EXISTS item_class ON item (mailbox, class);

CREATE TABLE IF NOT EXISTS property (
    item  INTEGER NOT NULL,
    name  TEXT NOT NULL,             -- canonical form of the ExtendedFieldURI
    value TEXT NOT NULL,
    PRIMARY KEY (item, name, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS property_value ON property (name, value);

CREATE TABLE IF NOT EXISTS occurrence (
    item       INTEGER NOT NULL,     -- the series
    day        INTEGER NOT NULL,     -- 20261123: where the pattern puts the occurrence
    deleted    INTEGER NOT NULL,
    subject    TEXT,                 -- where it is not the series'
    document   BLOB NOT NULL,        -- the properties that are not the series'
    PRIMARY KEY (item, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS setting (
    mailbox INTEGER NOT NULL REFERENCES mailbox (mailbox),
    name    TEXT NOT NULL,           -- oof, rules, delegates, permissions/7, configuration/7/CategoryList ...
    value   TEXT NOT NULL,           -- XML as EWS writes it, or JSON
    PRIMARY KEY (mailbox, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS attachment (
    attachment  INTEGER PRIMARY KEY,
    item        INTEGER NOT NULL,
    document    BLOB NOT NULL,       -- the attachment element without id and content
    size        INTEGER NOT NULL,
    changed_ms  INTEGER NOT NULL,
    content     BLOB NOT NULL,       -- bytes of a file; the item element of an item
    day         INTEGER NOT NULL DEFAULT 0 -- the occurrence of a series that it belongs to; 0: the item itself
) STRICT;
CREATE INDEX IF NOT EXISTS attachment_item ON attachment (item);

CREATE TABLE IF NOT EXISTS change (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox        INTEGER NOT NULL,
    at_ms          INTEGER NOT NULL,
    event          TEXT NOT NULL,    -- Created NewMail Modified Deleted Moved Copied
    folder         INTEGER NOT NULL, -- the subject's parent folder
    item           INTEGER,          -- the subject, if it is an item
    subject_folder INTEGER,          -- the subject, if it is a folder
    old_folder     INTEGER,          -- former parent of a moved subject, source of a copied one
    old_item       INTEGER,
    read_flag      INTEGER,          -- new read state, when nothing else changed
    unread         INTEGER           -- unread count, for a folder whose contents changed
) STRICT;
CREATE INDEX IF NOT EXISTS change_mailbox ON change (mailbox, seq);
CREATE INDEX IF NOT EXISTS change_folder ON change (folder, seq);
CREATE INDEX IF NOT EXISTS change_old_folder ON change (old_folder, seq) WHERE old_folder IS NOT NULL;

CREATE TABLE IF NOT EXISTS subscription (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,        -- pull push streaming
    caller     TEXT NOT NULL,
    mailbox    INTEGER NOT NULL REFERENCES mailbox (mailbox),
    folders    TEXT,                 -- JSON list; NULL: all folders
    events     TEXT NOT NULL,        -- JSON list
    position   INTEGER NOT NULL,     -- last change-log number that was handed out
    timeout_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    url        TEXT,
    caller_data TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS subscription_caller ON subscription (caller, mailbox);

-- Mailboxes as they were when a roll-back was armed, table by table.
CREATE TABLE IF NOT EXISTS earlier (
    mailbox INTEGER PRIMARY KEY,
    seq     INTEGER NOT NULL         -- the last line of the change log at that time
) STRICT;
CREATE TABLE IF NOT EXISTS earlier_folder     AS SELECT * FROM folder LIMIT 0;
CREATE TABLE IF NOT EXISTS earlier_item       AS SELECT * FROM item LIMIT 0;
CREATE TABLE IF NOT EXISTS earlier_setting    AS SELECT * FROM setting LIMIT 0;
CREATE TABLE IF NOT EXISTS earlier_property   AS SELECT * FROM property LIMIT 0;
CREATE TABLE IF NOT EXISTS earlier_occurrence AS SELECT * FROM occurrence LIMIT 0;
CREATE TABLE IF NOT EXISTS earlier_attachment AS SELECT * FROM attachment LIMIT 0;

CREATE TABLE IF NOT EXISTS future (
    mailbox   INTEGER NOT NULL REFERENCES mailbox (mailbox),
    after_seq INTEGER NOT NULL,      -- a mailbox went back to here ...
    until_seq INTEGER NOT NULL       -- ... when the log was here: sync states in between are refused
) STRICT;

CREATE TABLE IF NOT EXISTS outbound (
    outbound   INTEGER PRIMARY KEY,
    sender     TEXT NOT NULL,
    recipients TEXT NOT NULL,        -- an address a line
    source     BLOB NOT NULL,
    tries      INTEGER NOT NULL,
    due_ms     INTEGER NOT NULL
) STRICT;
