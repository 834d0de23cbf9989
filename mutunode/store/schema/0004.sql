-- Files. Their contents are no affair of the database; here stands who cites them and what we keep of them.

-- Which record cites which file, as the feed of changes told it; an erased record cites nothing.
CREATE TABLE cite (
  blob BLOB NOT NULL,
  rec BLOB NOT NULL,
  org BLOB NOT NULL,               -- the record's author
  size INTEGER NOT NULL,           -- as the record says
  public INTEGER NOT NULL,
  current INTEGER NOT NULL,        -- neither superseded, withdrawn nor retracted
  PRIMARY KEY (blob, rec)
) STRICT, WITHOUT ROWID;
CREATE INDEX cite_by_record ON cite (rec);
CREATE TABLE cited_until (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), change INTEGER NOT NULL) STRICT;
INSERT INTO cited_until VALUES (1, 0);

-- What is held here whole, or wanted.
CREATE TABLE file (
  blob BLOB PRIMARY KEY,
  size INTEGER NOT NULL,
  held INTEGER NOT NULL,
  reason INTEGER NOT NULL,         -- as interface.REASONS counts them
  since INTEGER NOT NULL,          -- Unix seconds it was wanted or added
  used INTEGER NOT NULL            -- Unix seconds somebody here last opened it, 0 = never
) STRICT, WITHOUT ROWID;
CREATE INDEX file_wanted ON file (reason, since) WHERE NOT held;

-- Who else said that they hold a file, and when.
CREATE TABLE file_holder (
  blob BLOB NOT NULL,
  org BLOB NOT NULL,
  heard_at INTEGER NOT NULL,
  PRIMARY KEY (blob, org)
) STRICT, WITHOUT ROWID;
