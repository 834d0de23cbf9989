"""The types of fields. Each knows how to check a decoded value, read input, and show itself."""
