CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE TABLE papers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  arxiv_id TEXT UNIQUE,
  doi TEXT UNIQUE,
  title_key TEXT NOT NULL,
  author_key TEXT NOT NULL,            -- of the first author; empty where a source gives none
  version INTEGER NOT NULL DEFAULT 1,
  title TEXT NOT NULL,
  abstract TEXT NOT NULL,
  raw_title TEXT NOT NULL,             -- as the source sent it
  raw_abstract TEXT NOT NULL,
  authors TEXT NOT NULL,               -- JSON array of names
  author_count INTEGER NOT NULL,
  categories TEXT NOT NULL,            -- JSON array
  url TEXT,
  published TEXT,                      -- YYYY-MM-DD
  upvotes INTEGER,
  comments INTEGER,
  code_url TEXT,
  code_stars INTEGER,
  project_url TEXT,
  source_summary TEXT,
  first_seen_at TEXT NOT NULL,
  first_listed_on TEXT,
  changed_at TEXT NOT NULL
) STRICT;
CREATE INDEX papers_by_title ON papers (title_key);
CREATE INDEX papers_by_seen ON papers (first_seen_at);
CREATE TABLE paper_versions (
  paper_id INTEGER NOT NULL REFERENCES papers (id),
  version INTEGER NOT NULL,
  title TEXT NOT NULL,
  abstract TEXT NOT NULL,
  raw_title TEXT NOT NULL,
  raw_abstract TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  PRIMARY KEY (paper_id, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE listings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  location TEXT NOT NULL,              -- the address or file it came from
  listed_on TEXT,
  received_at TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  outcome TEXT NOT NULL,
  note TEXT NOT NULL,
  declared INTEGER NOT NULL,
  parsed INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  new INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  UNIQUE (source, sha256)
) STRICT;
CREATE INDEX listings_by_day ON listings (source, listed_on);
CREATE TABLE appearances (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  paper_id INTEGER NOT NULL REFERENCES papers (id),
  source TEXT NOT NULL,
  listing_id INTEGER NOT NULL REFERENCES listings (id),
  listed_on TEXT,
  announce TEXT NOT NULL,
  fresh INTEGER NOT NULL,              -- 0 for back-fill, which no digest announces
  seen_at TEXT NOT NULL,
  UNIQUE (paper_id, source)
) STRICT;
CREATE INDEX appearances_by_day ON appearances (listed_on);
CREATE INDEX appearances_by_seen ON appearances (seen_at);
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  listing_id INTEGER NOT NULL REFERENCES listings (id),
  position INTEGER NOT NULL,
  label TEXT NOT NULL,
  reason TEXT NOT NULL,
  raw TEXT NOT NULL
) STRICT;
CREATE INDEX quarantine_by_listing ON quarantine (listing_id);
CREATE TABLE cursors (
  url TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  etag TEXT,
  last_modified TEXT,
  fetched_at TEXT,
  succeeded_at TEXT,
  not_before TEXT,
  failures INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE TABLE wanted (
  arxiv_id TEXT PRIMARY KEY,
  asked_at TEXT NOT NULL,
  not_before TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  answer TEXT NOT NULL DEFAULT ''      -- why it will not be asked for again
) STRICT, WITHOUT ROWID;
CREATE TABLE channels (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  platform TEXT NOT NULL,
  address TEXT NOT NULL,
  name TEXT NOT NULL,
  private INTEGER NOT NULL,
  profile TEXT NOT NULL,               -- the written form
  timezone TEXT NOT NULL,
  schedule TEXT NOT NULL,
  size INTEGER NOT NULL,
  threshold INTEGER NOT NULL,
  sources TEXT NOT NULL,               -- JSON array; empty for all
  layout TEXT NOT NULL,
  mode TEXT NOT NULL,
  you_missed INTEGER NOT NULL,
  quiet_note INTEGER NOT NULL,
  explore INTEGER NOT NULL,
  prefer_source_summary INTEGER NOT NULL,
  state TEXT NOT NULL,
  state_reason TEXT NOT NULL,
  created_at TEXT NOT NULL,
  scheduled_at TEXT NOT NULL,          -- slots before this moment never count
  UNIQUE (platform, address)
) STRICT;
CREATE TABLE digests (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  channel_id INTEGER NOT NULL REFERENCES channels (id),
  slot TEXT NOT NULL,
  kind TEXT NOT NULL,
  planned_at TEXT NOT NULL,
  upto INTEGER NOT NULL,               -- the last appearance it looked at
  considered INTEGER NOT NULL,
  chosen INTEGER NOT NULL,
  quiet INTEGER NOT NULL,              -- 1: nothing was chosen and a line said so
  note TEXT NOT NULL,
  UNIQUE (channel_id, slot, kind)
) STRICT;
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  channel_id INTEGER NOT NULL REFERENCES channels (id),
  digest_id INTEGER NOT NULL REFERENCES digests (id),
  sequence INTEGER NOT NULL,
  key TEXT NOT NULL UNIQUE,
  post TEXT NOT NULL,                  -- JSON
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  not_before TEXT,
  claimed_at TEXT,
  sent_at TEXT,
  remote_id TEXT,
  error TEXT NOT NULL DEFAULT '',
  UNIQUE (digest_id, sequence)
) STRICT;
CREATE INDEX messages_pending ON messages (channel_id, id) WHERE state = 'pending';
CREATE INDEX messages_sending ON messages (channel_id, id) WHERE state = 'sending';
CREATE INDEX messages_unknown ON messages (channel_id, id) WHERE state = 'unknown';
CREATE INDEX messages_by_remote ON messages (channel_id, remote_id);
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  channel_id INTEGER NOT NULL REFERENCES channels (id),
  paper_id INTEGER NOT NULL REFERENCES papers (id),
  digest_id INTEGER NOT NULL REFERENCES digests (id),
  message_id INTEGER NOT NULL REFERENCES messages (id),
  number INTEGER NOT NULL,
  score REAL NOT NULL,
  match INTEGER,
  reason TEXT NOT NULL,
  parts TEXT NOT NULL,                 -- JSON array of [name, kind, value]
  label TEXT NOT NULL,
  UNIQUE (channel_id, paper_id)        -- a paper is never posted twice to a channel
) STRICT;
CREATE INDEX deliveries_by_message ON deliveries (message_id, number);
CREATE INDEX deliveries_by_digest ON deliveries (digest_id, number);
CREATE INDEX deliveries_by_paper ON deliveries (paper_id);
CREATE TABLE feedback (
  channel_id INTEGER NOT NULL REFERENCES channels (id),
  paper_id INTEGER NOT NULL REFERENCES papers (id),
  person TEXT NOT NULL,                -- keyed hash
  signal TEXT NOT NULL,
  active INTEGER NOT NULL,
  changed_at TEXT NOT NULL,
  via TEXT NOT NULL,                   -- reaction, button, command or import
  PRIMARY KEY (channel_id, paper_id, person, signal)
) STRICT, WITHOUT ROWID;
CREATE INDEX feedback_by_person ON feedback (person, signal);
CREATE TABLE submissions (
  channel_id INTEGER NOT NULL REFERENCES channels (id),
  arxiv_id TEXT NOT NULL,
  person TEXT NOT NULL,
  asked_at TEXT NOT NULL,
  PRIMARY KEY (channel_id, arxiv_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
  event_id TEXT PRIMARY KEY,
  seen_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_time ON events (seen_at);
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE search_log (
  stamp INTEGER PRIMARY KEY AUTOINCREMENT,
  paper_id INTEGER NOT NULL
) STRICT;
CREATE TABLE search_postings (
  chunk INTEGER NOT NULL,
  term TEXT NOT NULL,
  postings BLOB NOT NULL,
  PRIMARY KEY (chunk, term)
) STRICT, WITHOUT ROWID;
CREATE TABLE search_chunks (
  chunk INTEGER PRIMARY KEY,
  lengths BLOB NOT NULL
) STRICT;
CREATE TABLE search_terms (
  term TEXT PRIMARY KEY,
  papers INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE titles_fts USING fts5 (
  title, content = 'papers', content_rowid = 'id',
  tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
);
CREATE VIRTUAL TABLE titles_vocab USING fts5vocab (titles_fts, row);
CREATE TRIGGER papers_search_insert AFTER INSERT ON papers BEGIN
  INSERT INTO search_log (paper_id) VALUES (new.id);
  INSERT INTO titles_fts (rowid, title) VALUES (new.id, new.title);
END;
CREATE TRIGGER papers_search_update AFTER UPDATE OF title, abstract, authors, categories ON papers
WHEN old.title IS NOT new.title OR old.abstract IS NOT new.abstract
  OR old.authors IS NOT new.authors OR old.categories IS NOT new.categories
BEGIN
  INSERT INTO search_log (paper_id) VALUES (new.id);
  INSERT INTO titles_fts (titles_fts, rowid, title) VALUES ('delete', old.id, old.title);
  INSERT INTO titles_fts (rowid, title) VALUES (new.id, new.title);
END;
CREATE TRIGGER papers_search_delete AFTER DELETE ON papers BEGIN
  INSERT INTO search_log (paper_id) VALUES (old.id);
  INSERT INTO titles_fts (titles_fts, rowid, title) VALUES ('delete', old.id, old.title);
END;
CREATE INDEX messages_by_state ON messages (state, channel_id);
CREATE INDEX papers_by_listing ON papers (first_listed_on, upvotes);
CREATE TABLE slack_installations (
  team_id TEXT PRIMARY KEY,
  bot TEXT NOT NULL,                   -- JSON with the token
  installed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE slack_states (
  state TEXT PRIMARY KEY,
  expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE subscribers (
  address TEXT PRIMARY KEY,            -- as the channel's
  handle TEXT NOT NULL UNIQUE,         -- stands for the address in links
  confirmed_at TEXT,                   -- none: nothing but the question is sent
  wish TEXT NOT NULL,                  -- the text after "/papers subscribe"
  key TEXT NOT NULL,                   -- of the last question; links of earlier ones are void
  asked_at TEXT NOT NULL,
  asked INTEGER NOT NULL,              -- questions sent in a row without a yes
  state TEXT NOT NULL,                 -- of the question, as of a message
  attempts INTEGER NOT NULL,
  not_before TEXT,
  error TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX subscribers_pending ON subscribers (asked_at) WHERE state = 'pending';
CREATE INDEX subscribers_by_time ON subscribers (asked_at);
CREATE INDEX papers_by_published ON papers (published);
CREATE TABLE search_words (
  paper_id INTEGER PRIMARY KEY,
  words BLOB NOT NULL                  -- see ranking/reading.py
) STRICT;
CREATE TABLE passed_over (
  digest_id INTEGER PRIMARY KEY REFERENCES digests (id),
  first INTEGER NOT NULL,              -- the smallest and the largest number of its papers
  last INTEGER NOT NULL,
  papers BLOB NOT NULL,                -- see bot/store/passed.py
  why BLOB NOT NULL
) STRICT;
CREATE TABLE set_aside (
  digest_id INTEGER NOT NULL REFERENCES digests (id),
  paper_id INTEGER NOT NULL REFERENCES papers (id),
  words TEXT NOT NULL,
  PRIMARY KEY (digest_id, paper_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX set_aside_by_paper ON set_aside (paper_id);
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at)
 VALUES (1, 'paperwire', '0001_wire', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at)
 VALUES (2, 'paperwire', '0002_page', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at)
 VALUES (3, 'paperwire', '0003_slack', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at)
 VALUES (4, 'paperwire', '0004_mail', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at)
 VALUES (5, 'paperwire', '0005_dates', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at)
 VALUES (6, 'paperwire', '0006_words', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at)
 VALUES (7, 'paperwire', '0007_passed', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO papers (id, arxiv_id, doi, title_key, author_key, version, title, abstract, raw_title, raw_abstract, authors, author_count, categories, url, published, upvotes, comments, code_url, code_stars, project_url, source_summary, first_seen_at, first_listed_on, changed_at)
 VALUES (1, '2606.00100', NULL, 'speech in kitchens', 'ada example', 2, 'Speech in Kitchens', 'Kitchens are loud.', 'Speech in Kitchens', 'Kitchens are loud.', '["Ada Example"]', 1, '["cs.CL"]', 'https://arxiv.org/abs/2606.00100', '2026-06-14', 7, 1, NULL, NULL, NULL, NULL, '2026-06-15T09:00:00.000000+00:00', '2026-06-15', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO papers (id, arxiv_id, doi, title_key, author_key, version, title, abstract, raw_title, raw_abstract, authors, author_count, categories, url, published, upvotes, comments, code_url, code_stars, project_url, source_summary, first_seen_at, first_listed_on, changed_at)
 VALUES (2, NULL, '10.1234/graphs', 'graphs of roads', '', 1, 'Graphs of Roads', 'Roads are graphs.', 'Graphs of Roads', 'Roads are graphs.', '[]', 0, '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-06-15T09:00:00.000000+00:00', NULL, '2026-06-15T09:00:00.000000+00:00');
INSERT INTO paper_versions (paper_id, version, title, abstract, raw_title, raw_abstract, seen_at)
 VALUES (1, 1, 'Speech', 'Loud.', 'Speech', 'Loud.', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO listings (id, source, location, listed_on, received_at, sha256, outcome, note, declared, parsed, quarantined, new, updated)
 VALUES (1, 'huggingface', 'https://example.org', '2026-06-15', '2026-06-15T09:00:00.000000+00:00', 'aa', 'ok', '', 2, 2, 1, 2, 0);
INSERT INTO appearances (id, paper_id, source, listing_id, listed_on, announce, fresh, seen_at)
 VALUES (1, 1, 'huggingface', 1, '2026-06-15', 'new', 1, '2026-06-15T09:00:00.000000+00:00');
INSERT INTO appearances (id, paper_id, source, listing_id, listed_on, announce, fresh, seen_at)
 VALUES (2, 2, 'huggingface', 1, '2026-06-15', 'new', 1, '2026-06-15T09:00:00.000000+00:00');
INSERT INTO quarantine (id, listing_id, position, label, reason, raw)
 VALUES (1, 1, 3, 'third', 'no title', '<entry/>');
INSERT INTO cursors (url, source, etag, last_modified, fetched_at, succeeded_at, not_before, failures, error)
 VALUES ('https://example.org', 'huggingface', NULL, NULL, '2026-06-15T09:00:00.000000+00:00', '2026-06-15T09:00:00.000000+00:00', NULL, 0, '');
INSERT INTO wanted (arxiv_id, asked_at, not_before, tries, answer)
 VALUES ('2606.00999', '2026-06-15T09:00:00.000000+00:00', '2026-06-15T09:00:00.000000+00:00', 1, '');
INSERT INTO channels (id, platform, address, name, private, profile, timezone, schedule, size, threshold, sources, layout, mode, you_missed, quiet_note, explore, prefer_source_summary, state, state_reason, created_at, scheduled_at)
 VALUES (1, 'terminal', 'ears', 'ears', 0, 'speech', 'Europe/Berlin', 'weekdays 09:00', 5, 50, '[]', 'thread', 'interests', 0, 1, 0, 0, 'active', '', '2026-06-15T09:00:00.000000+00:00', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO digests (id, channel_id, slot, kind, planned_at, upto, considered, chosen, quiet, note)
 VALUES (1, 1, '2026-06-15T09:00', 'daily', '2026-06-15T09:00:00.000000+00:00', 2, 2, 1, 0, '');
INSERT INTO messages (id, channel_id, digest_id, sequence, key, post, state, attempts, created_at, not_before, claimed_at, sent_at, remote_id, error)
 VALUES (1, 1, 1, 0, 'key-0', '{"kind": "header", "headline": "Papers"}', 'sent', 1, '2026-06-15T09:00:00.000000+00:00', NULL, '2026-06-15T09:00:00.000000+00:00', '2026-06-15T09:00:00.000000+00:00', '1.key-0', '');
INSERT INTO messages (id, channel_id, digest_id, sequence, key, post, state, attempts, created_at, not_before, claimed_at, sent_at, remote_id, error)
 VALUES (2, 1, 1, 1, 'key-1', '{"kind": "paper", "headline": "Speech"}', 'pending', 0, '2026-06-15T09:00:00.000000+00:00', NULL, NULL, NULL, NULL, '');
INSERT INTO deliveries (id, channel_id, paper_id, digest_id, message_id, number, score, match, reason, parts, label)
 VALUES (1, 1, 1, 1, 2, 1, 0.5, 80, 'matches', '[]', '');
INSERT INTO feedback (channel_id, paper_id, person, signal, active, changed_at, via)
 VALUES (1, 1, 'hash', 'like', 1, '2026-06-15T09:00:00.000000+00:00', 'reaction');
INSERT INTO submissions (channel_id, arxiv_id, person, asked_at)
 VALUES (1, '2606.00999', 'hash', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO events (event_id, seen_at)
 VALUES ('e1', '2026-06-15T09:00:00.000000+00:00');
INSERT INTO meta (key, value)
 VALUES ('person_key', '00');
INSERT INTO passed_over (digest_id, first, last, papers, why)
 VALUES (1, 2, 2, X'78018B368A050001D500EB', X'78018B8E363288D5893636D00351D14A251945A9C519F939294A40AE412C582C293527BF5CA1242315885165630178131494');
