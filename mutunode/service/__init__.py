"""What a person or a script can ask of a node: one place for pages, API, control socket and CLI."""
