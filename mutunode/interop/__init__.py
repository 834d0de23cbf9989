"""What comes from other programs and goes to them: pure functions between bytes and plain dicts.

Nothing here knows what a record means or where it is kept. Reading gives, for each row of a file, either
the fields of one record as a person would have typed them, or a `Problem` that names the line and says why;
writing gives text from which the same fields can be read back.
"""

from __future__ import annotations
