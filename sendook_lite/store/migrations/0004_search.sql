-- Full-text search over mail, labels, and threads that are merged or emptied in batches.

-- The index holds words without their text (content=''), without their places (detail=none) and
-- without lengths (columnsize=0). Words come cut, folded and each once (domain/search_words.py), so
-- the tokenizer only splits at spaces. prefix: three characters name inbox and block, one more
-- is what somebody began to type; longer beginnings are found fast enough without.
CREATE VIRTUAL TABLE message_search USING fts5(
  words, content = '', detail = none, columnsize = 0, tokenize = 'ascii', prefix = '4'
);
-- Merging segments is done in small portions by the upkeep; by itself FTS5 would hold the writer for
-- a tenth of a second now and then.
INSERT INTO message_search (message_search, rank) VALUES ('automerge', 0);
INSERT INTO message_search (message_search, rank) VALUES ('crisismerge', 1000);

-- Messages from `oldest` to `newest` are in the index. What came before this migration is added in
-- batches, from the newest back.
CREATE TABLE search_state (
  only    INTEGER PRIMARY KEY CHECK (only = 1),
  version TEXT NOT NULL,             -- how words are cut and folded; another one: index anew
  oldest  INTEGER NOT NULL,
  newest  INTEGER NOT NULL
) STRICT;
INSERT INTO search_state
  SELECT 1, '', coalesce(max(seq), 0) + 1, coalesce(max(seq), 0) FROM messages;

ALTER TABLE threads ADD COLUMN merged_into INTEGER;                 -- seq of the thread its mail moves to
ALTER TABLE threads ADD COLUMN emptied INTEGER NOT NULL DEFAULT 0;  -- 1: its last message is gone
CREATE INDEX threads_merged ON threads (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX threads_emptied ON threads (emptied) WHERE emptied = 1;
