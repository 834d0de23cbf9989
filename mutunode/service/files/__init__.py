"""Files that records carry: taken in, had from others, kept or let go, shown."""
