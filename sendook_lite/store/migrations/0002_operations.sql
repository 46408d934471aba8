-- What operators do and are told: disabling and alerts, statistics, replays, idempotent requests.

ALTER TABLE webhook_secrets ADD COLUMN public_key TEXT;  -- whpk_…: a key pair; NULL: signs with HMAC
CREATE UNIQUE INDEX webhook_secrets_current ON webhook_secrets (webhook_seq)
  WHERE expires_at IS NULL;
CREATE INDEX webhook_secrets_expiring ON webhook_secrets (expires_at)
  WHERE expires_at IS NOT NULL;

ALTER TABLE webhooks ADD COLUMN failed_deliveries INTEGER NOT NULL DEFAULT 0; -- ended failed since the last success
ALTER TABLE webhooks ADD COLUMN first_failed_at INTEGER;                      -- the first of these
ALTER TABLE webhooks ADD COLUMN alerted TEXT;                                 -- first_failure | half_way | disabled | forgiven
ALTER TABLE webhooks ADD COLUMN last_success_at INTEGER;
ALTER TABLE webhooks ADD COLUMN last_failure_at INTEGER;
CREATE INDEX webhooks_failing ON webhooks (status) WHERE alerted IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX webhooks_disabled ON webhooks (status) WHERE status = 'disabled' AND deleted_at IS NULL;

-- Deliveries that ended, by webhook and hour; statistics must not count a million rows.
CREATE TABLE webhook_hours (
  webhook_seq INTEGER NOT NULL,
  hour        INTEGER NOT NULL,            -- ms since the epoch of its start
  delivered   INTEGER NOT NULL DEFAULT 0,
  failed      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (webhook_seq, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_hours_hour ON webhook_hours (hour);
CREATE INDEX messages_created ON messages (created_at);

-- Alerts as they are told, and one row for everybody who is to be told.
CREATE TABLE alerts (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  webhook_seq INTEGER NOT NULL,
  kind        TEXT NOT NULL,               -- first_failure | half_way | disabled | recovered
  body        TEXT NOT NULL,               -- JSON
  created_at  INTEGER NOT NULL
) STRICT;
CREATE TABLE alert_notices (
  alert_seq INTEGER NOT NULL REFERENCES alerts (seq) ON DELETE CASCADE,
  channel   TEXT NOT NULL,                 -- log | webhook | email
  tries     INTEGER NOT NULL DEFAULT 0,
  due_at    INTEGER,                       -- NULL: told, or given up
  error     TEXT,                          -- why it was not told the last time; NULL: it was
  PRIMARY KEY (alert_seq, channel)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_notices_due ON alert_notices (channel, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE replays (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  id          TEXT NOT NULL UNIQUE,
  webhook_seq INTEGER NOT NULL REFERENCES webhooks (seq),
  since       INTEGER NOT NULL,            -- period of the events, both ends included
  until       INTEGER NOT NULL,
  events      TEXT,                        -- JSON array; NULL: all that are subscribed
  scope       TEXT NOT NULL,               -- undelivered | failed | all
  state       TEXT NOT NULL,               -- running | done | canceled
  canceling   INTEGER NOT NULL DEFAULT 0,  -- 1: its pending deliveries are being canceled
  cursor_at   INTEGER NOT NULL,            -- the last event looked at: its time
  cursor_seq  INTEGER NOT NULL,            -- and its place
  matched     INTEGER NOT NULL DEFAULT 0,
  created     INTEGER NOT NULL DEFAULT 0,
  delivered   INTEGER NOT NULL DEFAULT 0,
  failed      INTEGER NOT NULL DEFAULT 0,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX replays_webhook ON replays (webhook_seq);
CREATE INDEX replays_running ON replays (seq) WHERE state = 'running';
CREATE INDEX replays_canceling ON replays (seq) WHERE canceling = 1;
CREATE INDEX events_created ON events (created_at);

ALTER TABLE deliveries ADD COLUMN replay_seq INTEGER;                         -- the replay that last opened it
CREATE INDEX deliveries_replay ON deliveries (replay_seq)
  WHERE replay_seq IS NOT NULL AND due_at IS NOT NULL;
-- Replays and live deliveries take turns, so the first of each must be found without the other.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (webhook_seq, trigger = 'replay', due_at)
  WHERE due_at IS NOT NULL;
-- POSTs with an Idempotency-Key that took effect, for 24 hours.
CREATE TABLE idempotent_requests (
  seq        INTEGER PRIMARY KEY,
  principal  TEXT NOT NULL,                -- id of the API key, or 'operator'
  key        TEXT NOT NULL,
  digest     BLOB NOT NULL,                -- SHA-256 of method, path and body
  made       TEXT,                         -- id of what was made
  status     INTEGER,                      -- NULL: the answer was lost, or is not kept
  created_at INTEGER NOT NULL,
  answer     BLOB
) STRICT;
CREATE UNIQUE INDEX idempotent_requests_key ON idempotent_requests (principal, key);
CREATE INDEX idempotent_requests_created ON idempotent_requests (created_at);
