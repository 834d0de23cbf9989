-- Erasing: an author takes back a record with its content, for good.

-- Leaves whose salt and body were erased: they are never taken again, whatever an epoch does to the
-- withdrawal that said so.
CREATE TABLE erased (
  log_no INTEGER NOT NULL,
  leaf BLOB NOT NULL,
  PRIMARY KEY (log_no, leaf)
) STRICT, WITHOUT ROWID;

-- 1: something was erased, and pages that SQLite no longer uses may still hold a copy of it.
ALTER TABLE store ADD COLUMN unsettled INTEGER NOT NULL DEFAULT 0;

-- Before, a withdrawal that erases was kept and not followed: such logs are read again from the start.
CREATE TABLE again (log_no INTEGER PRIMARY KEY) STRICT;
INSERT INTO again SELECT DISTINCT place >> 32 FROM record WHERE erased_by IS NOT NULL;
DELETE FROM record WHERE place >> 32 IN (SELECT log_no FROM again);
DELETE FROM mention WHERE source >> 32 IN (SELECT log_no FROM again);
DELETE FROM inbox WHERE source >> 32 IN (SELECT log_no FROM again);
DELETE FROM external_ref WHERE place >> 32 IN (SELECT log_no FROM again);
DELETE FROM vouch WHERE place >> 32 IN (SELECT log_no FROM again);
UPDATE log SET projected = 0, records = 0, missing = 0 WHERE log_no IN (SELECT log_no FROM again);
DROP TABLE again;

-- What is erased is gone from lists, also where an epoch dropped the withdrawal.
CREATE TABLE record_now (
  place INTEGER PRIMARY KEY,
  shelf_no INTEGER NOT NULL,
  rec64 INTEGER NOT NULL,
  arrival INTEGER NOT NULL,
  change INTEGER NOT NULL,
  state INTEGER NOT NULL,
  superseded_by INTEGER,
  withdrawn_by INTEGER,
  gone INTEGER NOT NULL AS (superseded_by IS NOT NULL OR withdrawn_by IS NOT NULL OR state = 3)
) STRICT;
INSERT INTO record_now (place, shelf_no, rec64, arrival, change, state, superseded_by, withdrawn_by)
  SELECT place, shelf_no, rec64, arrival, change, state, superseded_by, withdrawn_by FROM record;
DROP TABLE record;
ALTER TABLE record_now RENAME TO record;
CREATE INDEX record_by_arrival ON record (shelf_no, gone, arrival);
CREATE INDEX record_by_place ON record (shelf_no, gone, place);
CREATE INDEX record_by_id ON record (rec64);
CREATE INDEX record_by_change ON record (change);
CREATE INDEX record_missing ON record (place) WHERE state = 2;
