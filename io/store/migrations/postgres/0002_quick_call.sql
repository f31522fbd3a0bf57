-- Where quick calls lead. Their links and tokens are in the table secret.
CREATE TABLE quick_call_target (
    id uuid NOT NULL PRIMARY KEY,
    name text COLLATE "C" UNIQUE,
    body text COLLATE "C" NOT NULL
);
