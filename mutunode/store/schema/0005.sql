-- Organisations whose chain has rivals: a person is asked about them, and neighbours are told.

ALTER TABLE org ADD COLUMN rivalled INTEGER NOT NULL DEFAULT 0;
-- Each rival is kept as its standing and its ops: ['lost', […]] in MessagePack. Who has none and looks like it
-- is looked at once too often.
UPDATE org SET rivalled = 1 WHERE instr(chain, x'92a46c6f7374') OR instr(chain, x'92a474696564')
  OR instr(chain, x'92a46c617465') OR instr(chain, x'92a561736b6564') OR instr(chain, x'92a764656369646564');
CREATE INDEX org_rivalled ON org (org_no) WHERE rivalled;
