"""mutunode/1 as a sans-IO core: bytes and time go in, effects come out.

Nothing here opens a socket, reads a clock or draws a random number; all three arrive as arguments.
"""
