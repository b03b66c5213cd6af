"""The tables. Migrations only ever append; a database newer than the program is refused."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bot.domain import PaperwireError

if TYPE_CHECKING:
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

PAPERS = """
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
"""

LISTINGS = """
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

-- The first time a source brought a paper: what a channel's next digest looks through.
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

-- Papers someone named that no listing has brought yet.
CREATE TABLE wanted (
  arxiv_id TEXT PRIMARY KEY,
  asked_at TEXT NOT NULL,
  not_before TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  answer TEXT NOT NULL DEFAULT ''      -- why it will not be asked for again
) STRICT, WITHOUT ROWID;
"""

CHANNELS = """
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
-- One partial index per open state: SQLite does not use one over "state IN (...)".
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

-- Papers a digest looked at and did not post, with the step at which each fell out.
CREATE TABLE passed_over (
  digest_id INTEGER NOT NULL REFERENCES digests (id),
  paper_id INTEGER NOT NULL REFERENCES papers (id),
  match INTEGER,
  step TEXT NOT NULL,
  short_by REAL NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (digest_id, paper_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX passed_over_by_paper ON passed_over (paper_id);
"""

FEEDBACK = """
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

-- Papers shared with a channel before we knew them; posted when they are found.
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
INSERT INTO meta (key, value) VALUES ('person_key', lower(hex(randomblob(32))));
"""


SEARCH = """
-- What changed since the postings were last written; searched from memory until then.
CREATE TABLE search_log (
  stamp INTEGER PRIMARY KEY AUTOINCREMENT,
  paper_id INTEGER NOT NULL
) STRICT;

-- Postings of one term in one chunk of papers: offsets and weighted counts.
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

-- Completion as a person types.
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
"""

# The web page counts messages by state and orders a week's papers by upvotes.
PAGE = """
CREATE INDEX messages_by_state ON messages (state, channel_id);
CREATE INDEX papers_by_listing ON papers (first_listed_on, upvotes);
"""

# Slack by OAuth: the workspaces, and who is on the way back from Slack's consent page.
SLACK = """
CREATE TABLE slack_installations (
  team_id TEXT PRIMARY KEY,
  bot TEXT NOT NULL,                   -- JSON with the token
  installed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE slack_states (
  state TEXT PRIMARY KEY,
  expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

# E-mail: who asked for digests and who confirmed. To the others one mail goes, which asks.
MAIL = """
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
"""

# Search reads hundreds of papers for one answer: their words, ready made. A paper of before has
# none until its postings are written again.
WORDS = """
CREATE TABLE search_words (
  paper_id INTEGER PRIMARY KEY,
  words BLOB NOT NULL                  -- see ranking/reading.py
) STRICT;
"""


# What a digest passed over, in one packed row; what a restore set aside keeps rows of its own.
PASSED = """
ALTER TABLE passed_over RENAME TO passed_over_rows;
DROP INDEX passed_over_by_paper;
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
INSERT INTO set_aside SELECT digest_id, paper_id, words FROM passed_over_rows
 WHERE step = 'restored';
"""


def migrations() -> Migrations:
    """Return every step from an empty file to this version, oldest first."""
    from sqlite_utils.migrations import Migrations

    steps = Migrations("paperwire")

    @steps(name="0001_wire")
    def wire(db: Database) -> None:
        for script in (PAPERS, LISTINGS, CHANNELS, FEEDBACK, SEARCH):
            _run(db.conn, script)

    @steps(name="0002_page")
    def page(db: Database) -> None:
        _run(db.conn, PAGE)

    @steps(name="0003_slack")
    def slack(db: Database) -> None:
        _run(db.conn, SLACK)

    @steps(name="0004_mail")
    def mail(db: Database) -> None:
        _run(db.conn, MAIL)

    @steps(name="0005_dates")
    def dates(db: Database) -> None:
        _run(db.conn, "CREATE INDEX papers_by_published ON papers (published);")

    @steps(name="0006_words")
    def words(db: Database) -> None:
        _run(db.conn, WORDS)

    @steps(name="0007_passed")
    def passed(db: Database) -> None:
        from bot.store.passed import repack

        _run(db.conn, PASSED)
        repack(db.conn)
        _run(db.conn, "DROP TABLE passed_over_rows;")

    return steps


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to this version. Raises PaperwireError when it is newer."""
    from sqlite_utils import Database

    steps = migrations()
    known = {step.name for step in steps._migrations}  # noqa: SLF001  the library lists no names
    # Most starts have nothing to do: ask before paying for the library's own checks.
    db = Database(connection, execute_plugins=False)
    newer = sorted(step.name for step in steps.applied(db) if step.name not in known)
    if newer:
        raise PaperwireError(
            f"The database was written by a newer Paperwire (it has {newer[-1]}). "
            "Upgrade Paperwire, or restore a back-up made by this version."
        )
    if not steps.pending(db):
        return
    # The lock first: another process may be making the same tables.
    connection.execute("BEGIN IMMEDIATE")
    try:
        steps.apply(db)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _run(connection: sqlite3.Connection, script: str) -> None:
    # executescript would commit the migration's transaction, so statements go one at a time.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
