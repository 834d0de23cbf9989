"""Real nodes on bad networks: namespaces of one machine, joined by a forwarder of our own. Needs root."""
