-- The first schema. Every table is STRICT. Logs are known inside by their log_no; an entry by its place,
-- log_no << 32 | index, which is its rowid: a log's entries lie together and in order.

-- One row: what is true of the store as a whole.
CREATE TABLE store (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  store_id BLOB NOT NULL,          -- 8 random bytes; cursors are only meaningful beside it
  own BLOB,                        -- our organisation
  number INTEGER NOT NULL          -- the last number given to an arrival or a change
) STRICT;

CREATE TABLE org (
  org_no INTEGER PRIMARY KEY,
  org BLOB NOT NULL UNIQUE,
  chain BLOB,                      -- as chains.pack wrote it; NULL: not held
  accepted INTEGER NOT NULL DEFAULT 0,
  blocked INTEGER NOT NULL DEFAULT 0,
  decided_at INTEGER               -- when a person decided; NULL: nobody did
) STRICT;

-- Root keys in force; anybody may name a key, so that several organisations may claim one.
CREATE TABLE root_key (
  key BLOB NOT NULL,
  org_no INTEGER NOT NULL REFERENCES org,
  PRIMARY KEY (key, org_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
  log_no INTEGER PRIMARY KEY,
  log BLOB NOT NULL UNIQUE,
  org_no INTEGER REFERENCES org,   -- NULL: only cited so far
  space BLOB,
  head BLOB,                       -- the newest one committed, as it travels
  cursor INTEGER UNIQUE,           -- its number in the order of commits
  frontier BLOB,                   -- the compact tree under it
  size INTEGER NOT NULL DEFAULT 0,
  pending INTEGER NOT NULL DEFAULT 0,
  projected INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  records INTEGER NOT NULL DEFAULT 0,  -- projected and current
  missing INTEGER NOT NULL DEFAULT 0,
  asked INTEGER NOT NULL DEFAULT 0,    -- rises each time the missing ones are looked up
  broken_at INTEGER,
  broken_epoch INTEGER NOT NULL DEFAULT 0,
  forked_in INTEGER,               -- newest epoch for which evidence of two trees is kept
  received_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX log_of_org ON log (org_no, space) WHERE org_no IS NOT NULL;
CREATE INDEX log_with_pending ON log (log_no) WHERE pending > 0;
CREATE INDEX log_behind ON log (log_no) WHERE projected < size;
CREATE INDEX log_lacking ON log (asked) WHERE missing > 0;

-- What was signed, as received. Salt and body are empty when there is none, or none is held.
CREATE TABLE entry (
  place INTEGER PRIMARY KEY,
  header BLOB NOT NULL,
  salt BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;

-- Roots of complete subtrees of 256 leaves and more: a proof costs a few hundred hashes at any size.
CREATE TABLE subtree (
  log_no INTEGER NOT NULL,
  level INTEGER NOT NULL,
  i INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (log_no, level, i)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (
  log_no INTEGER NOT NULL REFERENCES log,
  epoch INTEGER NOT NULL,
  frame BLOB NOT NULL,
  first_index INTEGER NOT NULL,
  PRIMARY KEY (log_no, epoch)
) STRICT, WITHOUT ROWID;

-- From here to `retracted`: projections, made from what stands above.

-- Where records of one kind in one space stand.
CREATE TABLE shelf (
  shelf_no INTEGER PRIMARY KEY,
  space BLOB NOT NULL,
  kind TEXT NOT NULL,
  UNIQUE (kind, space)
) STRICT;

-- A leaf that is a record. state: 0 ok, 1 opaque, 2 missing, 3 erased.
CREATE TABLE record (
  place INTEGER PRIMARY KEY,
  shelf_no INTEGER NOT NULL,
  rec64 INTEGER NOT NULL,          -- first 8 bytes of its id, as a number that sorts like them
  arrival INTEGER NOT NULL,
  change INTEGER NOT NULL,
  state INTEGER NOT NULL,
  superseded_by INTEGER,
  withdrawn_by INTEGER,
  erased_by INTEGER,
  gone INTEGER NOT NULL AS (superseded_by IS NOT NULL OR withdrawn_by IS NOT NULL)
) STRICT;
CREATE INDEX record_by_arrival ON record (shelf_no, gone, arrival);
CREATE INDEX record_by_place ON record (shelf_no, gone, place);
CREATE INDEX record_by_id ON record (rec64);
CREATE INDEX record_by_change ON record (change);
CREATE INDEX record_missing ON record (place) WHERE state = 2;

-- What a record cites. It counts if that leaf stands there when somebody asks, whoever came first.
CREATE TABLE mention (
  target INTEGER NOT NULL,         -- place
  leaf BLOB NOT NULL,
  source INTEGER NOT NULL,         -- place
  PRIMARY KEY (target, leaf, source)
) STRICT, WITHOUT ROWID;

-- Records of others that cite a log, in order of arrival.
CREATE TABLE inbox (
  log_no INTEGER NOT NULL,
  arrival INTEGER NOT NULL,
  source INTEGER NOT NULL,
  PRIMARY KEY (log_no, arrival)
) STRICT, WITHOUT ROWID;

-- Authors' own keys, by a hash of kind and key.
CREATE TABLE external_ref (
  log_no INTEGER NOT NULL,
  key64 INTEGER NOT NULL,
  place INTEGER NOT NULL,
  PRIMARY KEY (log_no, key64, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE vouch (
  org BLOB NOT NULL,
  place INTEGER NOT NULL,
  PRIMARY KEY (org, place)
) STRICT, WITHOUT ROWID;

-- Records that an epoch dropped: gone from the log, still readable where they were cited.
CREATE TABLE retracted (
  retracted_no INTEGER PRIMARY KEY,
  log_no INTEGER NOT NULL,
  stood_at INTEGER NOT NULL,       -- its index
  epoch INTEGER,                   -- that dropped it; NULL until its head is committed, in the same turn
  rec64 INTEGER NOT NULL,
  change INTEGER NOT NULL,
  header BLOB NOT NULL,
  salt BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX retracted_by_id ON retracted (rec64);
CREATE INDEX retracted_by_change ON retracted (change);
CREATE INDEX retracted_of_log ON retracted (log_no);

-- What we remember of peers.
CREATE TABLE peer_cursor (peer BLOB PRIMARY KEY, store BLOB NOT NULL, cursor INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE peer_score (peer BLOB PRIMARY KEY, score REAL NOT NULL, away_until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE address (
  address TEXT PRIMARY KEY,
  org BLOB,
  source TEXT NOT NULL,
  last_met INTEGER NOT NULL,
  failures INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is being written here: local, unsigned.
CREATE TABLE draft (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  input TEXT NOT NULL,             -- JSON
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
