"""Whatever bytes come in from outside: refused in words, in bounded time and memory, or understood."""
