-- Domains that were added while running; those of the settings need no row.
CREATE TABLE domains (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  id          TEXT NOT NULL UNIQUE,
  name        TEXT NOT NULL UNIQUE,        -- as domains are compared: ASCII, lower case
  verified_at INTEGER,                     -- set: its mail is taken, whatever the DNS says later
  findings    TEXT NOT NULL DEFAULT '[]',  -- JSON array: what the last look at the DNS brought
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX domains_verified ON domains (name) WHERE verified_at IS NOT NULL;
