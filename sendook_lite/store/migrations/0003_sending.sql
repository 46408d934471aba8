-- Mail that leaves: a row for each recipient, who must not be written to, and how much was sent.

-- What became of a mail for each of its recipients. While the relay has not decided, the row is the
-- timer of the next try.
CREATE TABLE submissions (
  message_seq INTEGER NOT NULL REFERENCES messages (seq),
  position    INTEGER NOT NULL,            -- as the recipients were given: to, cc, bcc
  recipient   TEXT NOT NULL,               -- as it was given
  address     TEXT NOT NULL,               -- as it is compared
  status      TEXT NOT NULL,               -- queued | sent | delayed | rejected | delivered | bounced | complained
  detail      TEXT,                        -- the last that was said about it
  tries       INTEGER NOT NULL DEFAULT 0,
  due_at      INTEGER,                     -- earliest time of the next try; NULL: decided
  expires_at  INTEGER NOT NULL,            -- from when on a failed try is the last one
  PRIMARY KEY (message_seq, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX submissions_due ON submissions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX submissions_expiring ON submissions (expires_at) WHERE due_at IS NOT NULL;

-- Addresses that bounced for good or whose owners complained; nothing is sent to them.
CREATE TABLE suppressions (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  address    TEXT NOT NULL UNIQUE,         -- as it is compared
  reason     TEXT NOT NULL,                -- bounced | complained
  message_id TEXT NOT NULL,                -- the mail that taught us
  created_at INTEGER NOT NULL
) STRICT;

-- Mails that were accepted for sending, by hour and by who asked; limits and statistics read it.
CREATE TABLE sent_hours (
  hour      INTEGER NOT NULL,              -- ms since the epoch of its start
  principal TEXT NOT NULL,                 -- id of the API key, or 'operator'
  count     INTEGER NOT NULL,
  PRIMARY KEY (hour, principal)
) STRICT, WITHOUT ROWID;
