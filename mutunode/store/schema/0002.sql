-- What was sealed, as far as this node can read it: local, never served, never in what others may ask.

-- Sealed records that were not tried yet with every sealing key we have.
CREATE TABLE sealed_waiting (place INTEGER PRIMARY KEY) STRICT;

-- The public halves of the sealing keys with which everything that does not wait was tried.
CREATE TABLE sealed_tried (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;

-- What was inside: of records sealed for us, and of those we sealed ourselves, which nobody can open again.
CREATE TABLE opened (
  place INTEGER PRIMARY KEY,       -- of the sealed record
  leaf BLOB NOT NULL,
  kind TEXT NOT NULL,
  body BLOB NOT NULL,
  reader BLOB,                     -- whom we sealed it for; NULL: it was sealed for us
  superseded_by INTEGER            -- index in the same log
) STRICT;
CREATE INDEX opened_by_kind ON opened (kind, place);

-- What it cites, as `mention` of what is public.
CREATE TABLE opened_mention (
  target INTEGER NOT NULL,         -- place
  leaf BLOB NOT NULL,
  source INTEGER NOT NULL,         -- place
  PRIMARY KEY (target, leaf, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX opened_mention_by_source ON opened_mention (source);
