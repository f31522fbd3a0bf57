-- Certificates that the service believes beside what the operating system does: authorities everywhere, servers' own
-- certificates at one host.
CREATE TABLE trusted_certificate (
    sha256 BLOB NOT NULL,
    host TEXT NOT NULL,
    authority INTEGER NOT NULL,
    der BLOB NOT NULL,
    added_by TEXT NOT NULL,
    added_ms INTEGER NOT NULL,
    PRIMARY KEY (sha256, host)
) STRICT;
