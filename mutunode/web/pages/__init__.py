"""One module a page: its address, what it asks of the node, what its template gets."""
