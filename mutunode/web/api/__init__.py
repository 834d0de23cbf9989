"""The same answers as the pages, for programs: JSON, its schema, health and figures."""
