-- Files to fetch, in the order in which they are fetched: of many, only the first are read.

DROP INDEX file_wanted;
CREATE INDEX file_wanted ON file (reason DESC, since) WHERE NOT held;
