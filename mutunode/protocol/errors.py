"""What can be wrong with what arrives, and whose fault it is.

Every error names the offending thing; ``blame`` says who pays for it (PROTOCOL §6: "breaking a limit costs
the one who broke it, nobody else"), so that the shell maps blame to action in one place.
"""

from __future__ import annotations

from enum import Enum, IntEnum


class Blame(Enum):
    """Who is at fault."""

    SENDER = "sender"  # the peer that sent it: it could have checked
    AUTHOR = "author"  # the organisation that signed it: whoever passes it on is honest
    US = "us"


class MutunodeError(Exception):
    """The root of all errors this project raises on purpose."""

    blame = Blame.US


class Malformed(MutunodeError):
    """These bytes are not what the format allows; ``what`` names the offending thing."""

    blame = Blame.SENDER

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Invalid(MutunodeError):
    """The shape is right and the claim is not: a signature, a proof or a hash that does not verify."""

    blame = Blame.SENDER

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Broken(MutunodeError):
    """A header that was signed and that nobody can take: the log stops at ``index`` (PROTOCOL §3)."""

    blame = Blame.AUTHOR

    def __init__(self, what: str, index: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.index = index


class Code(IntEnum):
    """The error numbers of PROTOCOL §4, as ERR carries them."""

    MALFORMED = 1
    UNKNOWN = 2  # or not for you: the same bytes, the same work
    BUSY = 3
    LIMIT = 4
    REFUSED = 5
    UNAUTHENTICATED = 6
    VERSION = 7
    FULL = 8
    UNKNOWN_TYPE = 9


class Refused(MutunodeError):
    """A request that is understood and will not be served, with its PROTOCOL error number."""

    def __init__(self, code: Code, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
