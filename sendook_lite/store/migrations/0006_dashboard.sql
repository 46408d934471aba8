-- Sessions of the dashboard, and sums by the hour so that a page never counts a million rows.

CREATE TABLE sessions (
  seq        INTEGER PRIMARY KEY,
  token_hash BLOB NOT NULL UNIQUE,         -- SHA-256 of what the browser holds
  key_id     TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_key ON sessions (key_id);
CREATE INDEX sessions_expiring ON sessions (expires_at);

-- Events by hour and type, counted in the background up to a place that `meta` keeps.
CREATE TABLE event_hours (
  hour  INTEGER NOT NULL,                  -- ms since the epoch of its start
  type  TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (hour, type)
) STRICT, WITHOUT ROWID;

-- Rows of webhook 0, which there is not, hold the sums over all webhooks.
INSERT INTO webhook_hours (webhook_seq, hour, delivered, failed)
  SELECT 0, hour, sum(delivered), sum(failed) FROM webhook_hours GROUP BY hour;
