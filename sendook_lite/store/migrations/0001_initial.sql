-- Times are epoch milliseconds. `seq` is commit order and the only thing sorted by; `id` is public.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value ANY
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  name         TEXT NOT NULL,
  prefix       TEXT NOT NULL,
  hash         BLOB NOT NULL UNIQUE,       -- SHA-256 of the key
  scopes       TEXT NOT NULL,              -- JSON array
  inbox_ids    TEXT NOT NULL DEFAULT '[]', -- JSON array; empty: all inboxes
  origin       TEXT NOT NULL,              -- api | first_start | environment
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  last_used_at INTEGER,
  revoked_at   INTEGER
) STRICT;

CREATE TABLE inboxes (
  seq           INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE,
  name          TEXT,
  email         TEXT NOT NULL,    -- as it was given
  address       TEXT NOT NULL,    -- as it is compared
  made_for_mail INTEGER NOT NULL, -- 1: by a mail for an unknown recipient, of which so many an hour
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  deleted_at    INTEGER           -- set: gone for everybody, its mail is removed in batches
) STRICT;
CREATE UNIQUE INDEX inboxes_address ON inboxes (address) WHERE deleted_at IS NULL;
CREATE INDEX inboxes_made_for_mail ON inboxes (created_at) WHERE made_for_mail = 1;
CREATE INDEX inboxes_deleted ON inboxes (deleted_at) WHERE deleted_at IS NOT NULL;

-- Raw mail, once per content, in chunks, so that no single delete holds the writer for long.
CREATE TABLE blobs (
  seq  INTEGER PRIMARY KEY,
  hash BLOB UNIQUE,  -- SHA-256; NULL: no message needs it, its chunks are being removed
  size INTEGER NOT NULL
) STRICT;
CREATE TABLE blob_chunks (
  blob_seq INTEGER NOT NULL REFERENCES blobs (seq),
  number   INTEGER NOT NULL,
  data     BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX blob_chunks_order ON blob_chunks (blob_seq, number);

CREATE TABLE threads (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  inbox_seq  INTEGER NOT NULL REFERENCES inboxes (seq),
  subject    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX threads_inbox ON threads (inbox_seq);

-- Every Message-ID a mail of a thread has or mentions, so that any order of arrival ends in one.
CREATE TABLE thread_references (
  inbox_seq  INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  thread_seq INTEGER NOT NULL REFERENCES threads (seq),
  PRIMARY KEY (inbox_seq, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_references_thread ON thread_references (thread_seq);

CREATE TABLE messages (
  seq                 INTEGER PRIMARY KEY AUTOINCREMENT,
  id                  TEXT NOT NULL UNIQUE,
  inbox_seq           INTEGER NOT NULL REFERENCES inboxes (seq),
  thread_seq          INTEGER NOT NULL REFERENCES threads (seq),
  blob_seq            INTEGER NOT NULL REFERENCES blobs (seq),
  direction           TEXT NOT NULL,  -- inbound | outbound
  status              TEXT NOT NULL,
  external_message_id TEXT,
  content_size        INTEGER NOT NULL,
  created_at          INTEGER NOT NULL,
  updated_at          INTEGER NOT NULL,
  content             TEXT NOT NULL   -- JSON; what is only ever read together; last, for it is long
) STRICT;
CREATE INDEX messages_inbox ON messages (inbox_seq);
CREATE INDEX messages_thread ON messages (thread_seq);
CREATE INDEX messages_blob ON messages (blob_seq, inbox_seq);
CREATE INDEX messages_external_id ON messages (external_message_id)
  WHERE external_message_id IS NOT NULL;

CREATE TABLE webhooks (
  seq                  INTEGER PRIMARY KEY AUTOINCREMENT,
  id                   TEXT NOT NULL UNIQUE,
  url                  TEXT NOT NULL,
  events               TEXT NOT NULL,              -- JSON array
  status               TEXT NOT NULL,              -- enabled | disabled
  disabled_reason      TEXT,
  description          TEXT,
  inbox_ids            TEXT NOT NULL DEFAULT '[]', -- JSON array; empty: all inboxes
  headers              TEXT NOT NULL DEFAULT '[]', -- JSON array of pairs
  retry_schedule       TEXT,                       -- JSON array of seconds
  timeout              REAL,
  rate_limit           REAL,
  consecutive_failures INTEGER NOT NULL DEFAULT 0, -- failed attempts since the last success
  cancel_up_to         INTEGER NOT NULL DEFAULT 0, -- the last delivery that disabling cancels
  created_at           INTEGER NOT NULL,
  updated_at           INTEGER NOT NULL,
  deleted_at           INTEGER
) STRICT;

CREATE TABLE webhook_secrets (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  webhook_seq INTEGER NOT NULL REFERENCES webhooks (seq),
  secret      TEXT NOT NULL,
  expires_at  INTEGER                              -- NULL: the current one
) STRICT;
CREATE INDEX webhook_secrets_webhook ON webhook_secrets (webhook_seq);

CREATE TABLE events (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  type       TEXT NOT NULL,
  inbox_id   TEXT,
  message_id TEXT,
  is_test    INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  body       BLOB NOT NULL                         -- the bytes that are sent, never changed
) STRICT;
CREATE INDEX events_type ON events (type);
CREATE INDEX events_inbox ON events (inbox_id) WHERE inbox_id IS NOT NULL;

-- Keys that make lines of the event socket idempotent, with the answer given the first time.
CREATE TABLE event_keys (
  key        TEXT PRIMARY KEY,
  answer     TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX event_keys_created ON event_keys (created_at);

CREATE TABLE deliveries (
  seq           INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE,
  event_seq     INTEGER NOT NULL REFERENCES events (seq),
  webhook_seq   INTEGER NOT NULL REFERENCES webhooks (seq),
  status        TEXT NOT NULL,                     -- pending | delivered | failed | canceled
  trigger       TEXT NOT NULL,                     -- of the attempt to come, or the last one
  generation    INTEGER NOT NULL DEFAULT 0,        -- counts re-openings and cancellations
  attempt_count INTEGER NOT NULL DEFAULT 0,        -- attempts ever
  tries         INTEGER NOT NULL DEFAULT 0,        -- attempts since it was (re-)opened
  due_at        INTEGER,                           -- earliest legal time of the next attempt
  delay         INTEGER NOT NULL DEFAULT 0,        -- ms that led to due_at
  last_status   INTEGER,
  last_error    TEXT,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  completed_at  INTEGER,
  CHECK ((status = 'pending') = (due_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX deliveries_event ON deliveries (event_seq, webhook_seq);
CREATE INDEX deliveries_webhook ON deliveries (webhook_seq);
CREATE INDEX deliveries_due ON deliveries (webhook_seq, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_unsuccessful ON deliveries (status, seq, webhook_seq)
  WHERE status IN ('pending', 'failed', 'canceled');

CREATE TABLE attempts (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL,
  delivery_seq INTEGER NOT NULL REFERENCES deliveries (seq),
  webhook_seq  INTEGER NOT NULL,
  number       INTEGER NOT NULL,
  trigger      TEXT NOT NULL,
  status       INTEGER,
  error        TEXT,
  response     TEXT,
  duration     INTEGER NOT NULL,                   -- ms
  created_at   INTEGER NOT NULL                    -- when the request was started
) STRICT;
CREATE INDEX attempts_delivery ON attempts (delivery_seq);
CREATE INDEX attempts_webhook ON attempts (webhook_seq);
