-- Where quick calls lead. Their links and tokens are in the table secret.
CREATE TABLE quick_call_target (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT UNIQUE,
    body TEXT NOT NULL
) STRICT;
