"""One file per kind of record. Each holds one ``KIND``; nothing else has to be edited to add one."""
