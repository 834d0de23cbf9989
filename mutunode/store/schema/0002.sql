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

-- What somebody brought (DELIVER), of logs that need not be held.
CREATE TABLE delivered (
  rec BLOB PRIMARY KEY,
  org BLOB NOT NULL,               -- its author
  log BLOB NOT NULL,
  stood_at INTEGER NOT NULL,       -- its index
  header BLOB NOT NULL,
  salt BLOB NOT NULL,
  body BLOB NOT NULL,
  kind TEXT NOT NULL,              -- of what is inside, when it was sealed
  inside BLOB NOT NULL,            -- that body; empty when it was not sealed
  about BLOB NOT NULL,
  subnet TEXT NOT NULL,
  stranger INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  endpoints TEXT NOT NULL,         -- JSON
  state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX delivered_waiting ON delivered (org, about) WHERE state = 'waiting';
CREATE INDEX delivered_from ON delivered (subnet, received_at) WHERE stranger;
CREATE INDEX delivered_of_log ON delivered (log, stood_at);
CREATE INDEX delivered_by_time ON delivered (received_at);

-- Records of ours on their way to organisations that may not follow us.
CREATE TABLE outgoing (
  log BLOB NOT NULL,
  stood_at INTEGER NOT NULL,
  reader BLOB NOT NULL,
  made_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (log, stood_at, reader)
) STRICT, WITHOUT ROWID;
CREATE INDEX outgoing_waiting ON outgoing (made_at) WHERE state = 'waiting';

-- Invitations of ours; of the token only a hash.
CREATE TABLE invitation (
  hash BLOB PRIMARY KEY,
  made_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  follows INTEGER NOT NULL,
  note TEXT NOT NULL,
  used_by BLOB,
  used_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Up to which arrival others' records were offered to a peer.
CREATE TABLE passed_on (peer BLOB PRIMARY KEY, arrival INTEGER NOT NULL) STRICT, WITHOUT ROWID;
