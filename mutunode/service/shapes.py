"""The shapes of answers: what pages show and what ``--json`` prints (CONTRACT) are the same structs.

``msgspec.to_builtins`` of each is the JSON. Ids are in text form (``org_…``, ``rec_…``); times are Unix
seconds; ``LangMap`` is ``{"fr": …, "en": …}``.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from mutunode.service.inviteshapes import InvitationLine as InvitationLine
from mutunode.service.inviteshapes import InvitationMade as InvitationMade
from mutunode.service.inviteshapes import LinkRead as LinkRead
from mutunode.service.lendshapes import BookingLine as BookingLine
from mutunode.service.published import Published as Published

LangMap = dict[str, str]
Which = Literal["all", "earlier", "this"]  # versions of a record to erase: `this` is the one named


class UsageCount(msgspec.Struct, frozen=True):
    """How many organisations declared a usage, and of how many the author took note.

    ``declared`` counts those not contested, confirmed ones included; ``contested`` stand apart. With
    ``pending`` something cited is not held: there is no figure to show, and the zeros mean nothing.
    """

    declared: int = 0
    confirmed: int = 0
    contested: int = 0
    can_help: int = 0
    pending: bool = False


class Other(msgspec.Struct, frozen=True):
    """Another organisation's record of the same thing, under a hit."""

    id: str
    title: str
    org: str
    org_name: str


class Hit(msgspec.Struct, frozen=True):
    """One record found."""

    id: str
    kind: str
    sense: str
    title: str
    snippet: str
    org: str
    org_name: str
    language: str  # of the snippet
    license: str  # as given; "" when not stated
    usage: UsageCount
    score: float
    time: int
    type: str = ""  # value of the kind's type field, if it has one ("software", "practice"…)
    title_language: str = ""
    title_marks: tuple[tuple[int, int], ...] = ()  # [start, end[ in `title` to highlight
    marks: tuple[tuple[int, int], ...] = ()  # [start, end[ in `snippet`
    license_class: str = ""
    languages: tuple[str, ...] = ()
    source: str = ""  # creators, as given
    others: tuple[Other, ...] = ()  # of other organisations, of the same thing; each counted in `total`


class Try(msgspec.Struct, frozen=True):
    """Another search, that finds something where this one found nothing."""

    q: str
    total: int
    # spelling · looser (no quotes, nothing excluded) · word (one of those typed) · filters (none) · senses,
    # kinds… (without this one)
    why: str


class SearchAnswer(msgspec.Struct, frozen=True):
    """``search --json``. ``facets``: name → value → count; names sense, kind, language, license, org.

    ``total`` and the facets count records. A hit may stand for several, of different organisations, about
    one thing: the others are in its ``others``, and nowhere else. ``limit`` and ``offset`` go by records.
    """

    total: int
    took_ms: float
    hits: tuple[Hit, ...]
    facets: dict[str, dict[str, int]]
    org_names: dict[str, str] = {}  # org_… → name, for the org facet
    catalogues: int = 0  # registers searched
    oldest_news: int = 0  # Unix seconds of the least recently heard organisation, 0 if none
    rebuilding: bool = False  # the index has not read all that is stored: results may be incomplete
    next: int = 0  # offset of the next page, 0 after the last
    loose: bool = False  # no record holds all the words: these hold most of them, or one
    meant: dict[str, tuple[str, ...]] = {}  # typed word that stands nowhere → words of records most like it
    instead: str = ""  # the search with the likest of them in their place; "" when nothing was misspelt
    tries: tuple[Try, ...] = ()  # when nothing was found: what finds something


class Proof(msgspec.Struct, frozen=True):
    """Where a record stands: its place in its author's log, and the signed page over it."""

    log: str
    index: int
    epoch: int
    size: int
    root: str = ""  # standard base64
    signed_at: int = 0
    holders: int = 0  # organisations last known to hold this log up to this record


class UsageLine(msgspec.Struct, frozen=True):
    """One declared usage of a resource."""

    id: str
    org: str
    org_name: str
    type: str
    period: str
    purpose: LangMap
    experience: LangMap
    can_help: bool
    answer: str  # "" | thanks | noted | contest
    state: str  # declared | confirmed | contested
    reason: LangMap = {}
    contact: str = ""
    scale: str = ""
    time: int = 0
    mine: bool = False
    private: bool = False  # told to the author alone: shown to the two of them, in nobody's figures


class Told(msgspec.Struct, frozen=True):
    """What an author says it was told in confidence: its word, which nobody else can check."""

    type: str
    n: int  # organisations, 3 at least
    id: str
    time: int


class UsageAnswer(msgspec.Struct, frozen=True):
    """``usage --json``. ``pending``: what is missing to be sure of the figures (never a guess)."""

    declared: int
    confirmed: int
    contested: int
    organisations: tuple[UsageLine, ...]
    can_help: int = 0
    pending: bool = False
    private: int = 0  # among ``organisations``, what is told to the author alone and stands
    told: tuple[Told, ...] = ()  # the author's own figures of what it was told in confidence


class Revision(msgspec.Struct, frozen=True):
    """One version of a record, newest first."""

    id: str
    time: int
    index: int
    current: bool
    state: str = "ok"


class Parent(msgspec.Struct, frozen=True):
    """A source named in ``based_on``, or a record based on this one."""

    title: str
    title_language: str
    relation: str
    changes: LangMap
    id: str = ""  # rec_… when it is a record
    uri: str = ""
    org: str = ""
    org_name: str = ""
    state: str = "declared"  # declared | recognised | contested | pending
    verdict: str = ""  # licence check: ok | warn | conflict
    reason: LangMap = {}
    license: str = ""
    depth: int = 1  # of a descendant: 1 derives from this record, 2 from one of those…


class Flagged(msgspec.Struct, frozen=True):
    """A flag somebody raised on a record."""

    id: str
    org: str
    org_name: str
    reason: str
    note: LangMap
    time: int
    answer: str = ""  # of the record's author: "" | thanks | noted | contest
    answer_reason: LangMap = {}


class FileLine(msgspec.Struct, frozen=True):
    """One file of a record."""

    index: int
    blob: str
    name: str
    size: int
    media_type: str
    language: str
    alt: LangMap
    held: bool  # whole, here
    wanted: bool  # on its way, or waiting for somebody who has it
    reason: str  # why it is here, wanted or to be: added | asked | promised | automatic; else ""
    holders: int  # organisations that hold it, this one included, as far as known
    sole: bool  # it is ours, and nobody else is known to hold it


class Record(msgspec.Struct, frozen=True):
    """``show --json``."""

    id: str
    kind: str
    sense: str
    org: str
    org_name: str
    time: int
    body: dict[str, Any]  # the kind's ``to_json``
    proof: Proof
    revisions: tuple[Revision, ...]
    usage: UsageCount
    erased: bool
    state: str = "ok"  # ok | opaque | sealed | missing | erased | retracted | withdrawn | superseded
    title: str = ""
    title_language: str = ""
    newest: str = ""  # id of the current revision when this is an older one
    withdrawn_reason: str = ""
    replaced_by: str = ""
    based_on: tuple[Parent, ...] = ()
    derived: tuple[Parent, ...] = ()
    flags: tuple[Flagged, ...] = ()
    target: str = ""  # id of the record it is about (usage → resource …)
    target_title: str = ""
    mine: bool = False
    delivery: str = ""  # of ours, told to one organisation: waiting | taken | refused | given_up | dropped
    brought: bool = False  # by somebody (DELIVER): its author is not followed here
    contested_log: bool = False  # the author signed two registers; this stands after the fork
    private: bool = False  # it was sealed: readable by its author and its one reader
    sealed_for: str = ""  # …by whom, when we sealed it ourselves
    sealed_for_name: str = ""
    files: tuple[FileLine, ...] = ()
    can_declare: bool = False  # a usage can be declared by us
    asks_usage: bool = False  # …and the author wishes it (policy is not `indifferent`)


class Organisation(msgspec.Struct, frozen=True):
    """One organisation as this node sees it."""

    org: str
    name: str
    me: bool
    stance: str  # "accepted" | "blocked" | "" (known through others, or nearby)
    records: int
    by_sense: dict[str, int]
    heard_at: int  # Unix seconds its newest signed page was received; 0 never
    signed_at: int  # time its newest signed page claims
    connected: bool
    address: str
    known_by: tuple[str, ...]  # names of organisations that vouch for it; ours first
    check_words: dict[str, str]  # language → six words
    similar_to: str = ""  # name of another known organisation with a very close name
    silent: bool = False  # not heard of for 3 days
    forked: bool = False  # the proof that it signed two registers is held, of whatever epoch
    contested: bool = False  # …and no new start has healed it
    broken: bool = False
    full: str = (
        ""  # nothing more of it is taken: log (its register has all the room), voucher (who knows it has)
    )
    disputed: bool = False
    by_relay: str = ""  # name of who carries the link with it
    holds_mine: bool = False  # holds our register up to its latest signed page


class OrganisationPage(msgspec.Struct, frozen=True):
    """An organisation with its profile and what it says it wants."""

    organisation: Organisation
    profile: dict[str, Any]  # the profile kind's ``to_json``; {} when none
    profile_id: str
    resources: tuple[Hit, ...]  # newest first, at most 12
    total_resources: int
    uses: tuple[UsageLine, ...]  # what it declared it uses (``org*`` are the authors), at most 12
    used_titles: dict[str, str]  # usage id → resource title
    used_ids: dict[str, str]  # usage id → resource rec id
    epoch: int
    epochs: tuple[dict[str, Any], ...] = ()  # that it opened, newest first (``keys.EpochLine``)
    rivals: tuple[dict[str, Any], ...] = ()  # ops that are not in its chain (``keys.RivalLine``)
    to_decide: bool = False  # a person has to say which of two branches is followed
    key_here: str = ""  # of our own: the key of this computer


class Nearby(msgspec.Struct, frozen=True):
    """An organisation that announces itself on the local network, not decided on yet."""

    org: str
    address: str
    seen_at: int
    name: str  # from its genesis once the handshake was made; "" before
    check_words: dict[str, str]
    similar_to: str = ""
    introduced_by: tuple[str, ...] = ()


class Reach(msgspec.Struct, frozen=True):
    """Whether others can open a link to us."""

    state: str  # reachable | relayed | closed | alone
    relays: tuple[str, ...]  # names of those who carry for us
    relayed: int  # organisations linked with us through them
    fr: str
    en: str


class Network(msgspec.Struct, frozen=True):
    """The network as seen from here."""

    me: Organisation
    organisations: tuple[Organisation, ...]
    nearby: tuple[Nearby, ...]
    holders: int  # organisations holding all we published
    reachable: int
    now: int
    reach: Reach = Reach("alone", (), 0, "", "")


class Todo(msgspec.Struct, frozen=True):
    """Something that waits for an answer of ours."""

    id: str  # the record asking
    kind: str  # kind of answer expected: usage_answer…
    sense: str
    org: str
    org_name: str
    time: int
    title: str  # of our record concerned
    target: str  # rec id of our record concerned
    type: str
    period: str = ""
    text: LangMap = {}
    can_help: bool = False
    due: str = ""
    private: bool = False  # told to us alone: an answer goes back to its author alone
    stranger: bool = False  # brought by somebody whom this node does not follow: accept, ignore, block too
    # what the other organisation said: usage | derivation | flag | booking | invite | message; or
    # ``dispute``: two keys claim it (``id`` is its own, ``text`` what to do, ``type`` ours | tied | asked)
    about: str = "usage"
    booking: BookingLine | None = None
    check_words: dict[str, str] = {}  # of a stranger, by language
    similar_to: str = ""  # a known organisation that bears nearly the stranger's name


class TodoList(msgspec.Struct, frozen=True):
    """``todo --json``."""

    waiting: tuple[Todo, ...]
    asked: tuple[Todo, ...] = ()  # what we wait for from others
    done: tuple[Todo, ...] = ()  # answered lately


class Preview(msgspec.Struct, frozen=True):
    """What will be signed, before it is: ``--dry-run`` and the pages' « Ce qui sera signé »."""

    kind: str
    sense: str
    org_name: str
    index: int  # place it would take in the public log
    body: dict[str, Any]
    text: str  # the exact content as TOML-like text, for people
    title: str
    revises: str = ""  # rec id it would revise
    unchanged: str = ""  # rec id of the identical record: nothing would be signed
    checks: tuple[Parent, ...] = ()  # licence checks of based_on
    entry_bytes: int = 0
    sealed_for: str = ""  # org id of the only one that will be able to read it; "": everybody
    sealed_for_name: str = ""


class Version(msgspec.Struct, frozen=True):
    """One version of a record, as it is named before it is erased."""

    id: str
    index: int
    time: int
    title: str
    title_language: str
    newest: bool


class Erasing(Preview, frozen=True):
    """What will be signed, and what will be gone: ``withdraw --erase --dry-run``."""

    erases: tuple[Version, ...] = ()
    withdraws: tuple[Version, ...] = ()
    keeps: tuple[Version, ...] = ()


class Erased(Published, frozen=True):
    """Answer of ``withdraw --erase``; ``id`` is the withdrawal of the version that was named."""

    erased: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    drafts: int = 0  # local drafts with the same text, that are gone too


class BadLine(msgspec.Struct, frozen=True):
    """A line of an import that was not taken."""

    line: int
    field: str
    fr: str
    en: str


class Imported(msgspec.Struct, frozen=True):
    """Answer of ``import``."""

    read: int
    created: int
    revised: int
    unchanged: int
    refused: int
    bad: tuple[BadLine, ...]  # the first 1,000
    ids: tuple[str, ...] = ()


class TakenUp(msgspec.Struct, frozen=True):
    """An invitation that was taken up, or sent."""

    organisation: Organisation
    id: str  # our sealed record
    state: str  # taken: they have it | waiting: it is brought when they can be reached


class PeerLine(msgspec.Struct, frozen=True):
    """One link in ``status --json``."""

    org: str
    address: str
    state: str  # connected | handshake | away


class Status(msgspec.Struct, frozen=True):
    """``status --json``."""

    org: str
    name: str
    epoch: int
    logs: dict[str, dict[str, Any]]  # "public": {"log","size","root","signed_at"}
    organisations: int
    records: int
    peers: tuple[PeerLine, ...]
    version: str
    web: str
    peer: str
    read_only: bool
    read_only_reason: dict[str, str] = {}  # {"fr","en"} when read_only
    holders: int = 0
    indexed: bool = True  # search has caught up
    language: str = "fr"
