"""The office: one door to everything the service does, for pages, API, control socket and CLI.

Each method may be called from any thread and answers with the structs of ``shapes``; what it refuses is a
``Refusal``. It decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mutunode.commons.registry import Registry
from mutunode.protocol.ids import org_text
from mutunode.service import (
    backup,
    carrying,
    counting,
    disputes,
    drafts,
    entrusting,
    epochs,
    erasing,
    finding,
    forking,
    health,
    importing,
    inviting,
    keys,
    lookup,
    network,
    organisations,
    peers,
    phrases,
    proving,
    publishing,
    readonly,
    receiving,
    records,
    registers,
    repairing,
    strangers,
    tlog,
    usages,
    verbs,
)
from mutunode.service.describing import describe
from mutunode.service.desk import Desk, words_of
from mutunode.service.files.archive import Archive
from mutunode.service.forking import ForkProved
from mutunode.service.importing import Source
from mutunode.service.lender import Lender
from mutunode.service.params import Emit, Import, OneOrMany
from mutunode.service.proving import Proved
from mutunode.service.shapes import (
    Imported,
    InvitationLine,
    InvitationMade,
    LinkRead,
    Network,
    OrganisationPage,
    Preview,
    Published,
    Record,
    SearchAnswer,
    Status,
    TakenUp,
    TodoList,
    UsageAnswer,
    Which,
)
from mutunode.store.interface import Draft


class Office:
    """What may be asked of a node."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @property
    def inside(self) -> Office:
        """The same office for sessions and commands, which also read what is for us alone."""
        return Office(self.desk.inside)

    def call(self, verb: str, params: dict[str, Any], emit: Emit) -> Any:
        """A verb by its name (``service.verbs``), for the operator; a long one ends with the node."""

        def emit_while_running(event: dict[str, Any]) -> None:
            if self.desk.is_stopping.is_set():
                raise readonly.stopping()
            emit(event)

        return verbs.call(self.inside, verb, params, emit_while_running)

    @property
    def lender(self) -> Lender:
        """Means and bookings."""
        return Lender(self.desk)

    @property
    def archive(self) -> Archive:
        """Files of records."""
        return Archive(self.desk)

    @property
    def org(self) -> str:
        """Our organisation's id."""
        return org_text(self.desk.org)

    def name(self) -> str:
        """Our organisation's name."""
        return self.desk.name_of(self.desk.org)

    def registry(self) -> Registry:
        """The kinds this node knows."""
        return self.desk.registry

    # --- reading -------------------------------------------------------------------------------
    def search(
        self,
        q: str = "",
        sense: OneOrMany = "",
        kind: OneOrMany = "",
        org: OneOrMany = "",
        language: OneOrMany = "",
        license: OneOrMany = "",
        circle: str = "",
        limit: int = 20,
        offset: int = 0,
        sort: str = "",
        reader_language: str = "",
        *,
        loosely: bool = False,
        sideways: bool = False,
    ) -> SearchAnswer:
        """Search everything held that the public may see."""
        return finding.search(
            self.desk,
            finding.Asked(
                q=q,
                senses=sense,
                kinds=kind,
                orgs=org,
                languages=language,
                licenses=license,
                circle=circle,
                limit=limit,
                offset=offset,
                sort=sort,
                loosely=loosely,
                sideways=sideways,
                reader_language=reader_language or self.desk.language,
            ),
        )

    def show(self, rec: str, reader_language: str = "") -> Record:
        """One record with what surrounds it."""
        with self.desk.reader.at_once():
            return records.show(self.desk, lookup.record(self.desk, rec), self._language(reader_language))

    def usage(self, rec: str) -> UsageAnswer:
        """Who declared a usage of a resource."""
        with self.desk.reader.at_once():
            return usages.answer(self.desk, lookup.record(self.desk, rec))

    def organisation(self, org: str, reader_language: str = "") -> OrganisationPage:
        """An organisation, its posture, what it shares and uses."""
        raw = lookup.organisation(self.desk, org, unknown=False)
        with self.desk.reader.at_once():
            return organisations.page(self.desk, raw, self._language(reader_language))

    def network(self) -> Network:
        """The network as seen from here."""
        with self.desk.reader.at_once():
            return network.network(self.desk)

    def todo(self, reader_language: str = "") -> TodoList:
        """What waits for an answer of ours."""
        with self.desk.reader.at_once():  # else what comes meanwhile would be a message of whoever knows what
            return usages.todo(self.desk, self._language(reader_language))

    def status(self) -> Status:
        """How this node does."""
        with self.desk.reader.at_once():
            return network.status(self.desk)

    def check_words(self, org: str) -> dict[str, str]:
        """Six words to compare by voice, by language."""
        return words_of(lookup.organisation(self.desk, org, unknown=True))

    def kinds(self) -> list[dict[str, Any]]:
        """Every kind's declaration, for programs."""
        return [describe(kind) for kind in self.desk.registry.values()]

    def schema(self, kind: str) -> dict[str, Any]:
        """JSON Schema of a kind's body."""
        return lookup.kind(self.desk, kind).json_schema()

    # --- writing -------------------------------------------------------------------------------
    def preview(
        self, kind: str, fields: Mapping[str, Any], reader_language: str = "", sealed_for: str = ""
    ) -> Preview:
        """What ``publish`` would sign."""
        return publishing.preview(self.desk, kind, fields, self._language(reader_language), sealed_for)

    def preview_revision(self, rec: str, fields: Mapping[str, Any], reader_language: str = "") -> Preview:
        """What ``revise`` would sign."""
        return publishing.preview_revision(self.desk, rec, fields, self._language(reader_language))

    def publish(self, kind: str, fields: Mapping[str, Any], sealed_for: str = "") -> Published:
        """Sign a record; ``sealed_for`` an organisation, that one alone can read it."""
        erasure = erasing.asked(self.desk, kind, fields)
        if erasure:
            return self.withdraw(**erasure)
        if kind == "means_block":
            return self.lender.block(dict(fields))
        return publishing.publish(self.desk, kind, fields, sealed_for)

    def revise(self, rec: str, fields: Mapping[str, Any]) -> Published:
        """Sign a new version; given fields replace, others stay, an empty one is removed."""
        return publishing.revise(self.desk, rec, fields)

    def input_of(self, rec: str) -> dict[str, Any]:
        """The fields of a record as ``publish`` takes them: what a form for revising starts from."""
        stored = lookup.record(self.desk, rec)
        return lookup.kind(self.desk, stored.kind).to_json(stored.fields())

    def withdraw(
        self, rec: str, reason: str, replaced_by: str = "", erase: bool = False, versions: Which = "all"
    ) -> Published:
        """Take a record back; ``erase`` drops its content for good, of the ``versions`` named."""
        if erase:
            return erasing.erase(self.desk, rec, reason, replaced_by, versions)
        return publishing.withdraw(self.desk, rec, reason, replaced_by)

    def preview_withdrawal(
        self,
        rec: str,
        reason: str,
        replaced_by: str = "",
        erase: bool = False,
        versions: Which = "all",
        reader_language: str = "",
    ) -> Preview:
        """What ``withdraw`` would sign; when erasing, with the versions that would be gone."""
        language = self._language(reader_language)
        if erase:
            return erasing.preview(self.desk, rec, reason, replaced_by, versions, language)
        return publishing.preview_withdrawal(self.desk, rec, reason, replaced_by, language)

    def usage_fields(self, rec: str, as_: str, **more: Any) -> dict[str, Any]:
        """The input of a ``usage`` record."""
        return publishing.usage_fields(self.desk, rec, as_, **more)

    def use(self, rec: str, as_: str, **more: Any) -> Published:
        """Declare that we use a resource."""
        return self.publish("usage", self.usage_fields(rec, as_, **more))

    def answer(self, rec: str, answer: str, reason: Any = "") -> Any:
        """Answer a declared usage: thanks, noted, or contest with a reason.

        What a stranger left can also be answered by deciding about the stranger: accept, ignore, block.
        """
        if answer in strangers.DECISIONS:
            return strangers.decide(self.desk.inside, rec, answer)
        fields = {"usage": rec, "answer": answer, "reason": reason}
        return self.publish("usage_answer", {name: value for name, value in fields.items() if value})

    def count_told(self, rec: str) -> tuple[Published, ...]:
        """Publish how many organisations told us in confidence that they use a record of ours, by type."""
        return counting.publish(self.desk.inside, lookup.record(self.desk, rec))

    def flag(self, rec: str, reason: str, note: Any = "") -> Published:
        """Flag a record."""
        fields = {"target": rec, "reason": reason, "note": note}
        return self.publish("flag", {name: value for name, value in fields.items() if value})

    def import_lines(
        self, source: Source, *, strict: bool = False, dry_run: bool = False, emit: Emit | None = None
    ) -> Imported:
        """Publish the rows of a file, one signature a batch."""
        return importing.run(self.desk, source, strict=strict, dry_run=dry_run, emit=emit or _silent)

    def import_verb(self, params: Import, emit: Emit) -> Imported:
        """``import``, as the CLI asks for it."""
        source = importing.source_of(params)
        return self.import_lines(source, strict=params.strict, dry_run=params.dry_run, emit=emit)

    # --- organisations -------------------------------------------------------------------------
    def accept(self, org: str, address: str = "", vouch: bool = False, listed: bool = True) -> Any:
        """Follow an organisation; with ``vouch``, say publicly that we know it."""
        return peers.accept(self.desk, org, address, vouch=vouch, listed=listed)

    def block(self, org: str) -> Any:
        """Take nothing more from an organisation, on any way in."""
        return peers.block(self.desk, org)

    def unblock(self, org: str) -> Any:
        """Neither follow nor block an organisation any more."""
        return peers.unblock(self.desk, org)

    def invitation(
        self, addresses: tuple[str, ...] = (), days: int = 7, follows: bool = True, note: str = ""
    ) -> InvitationMade:
        """Make a link with a one-time token for an organisation to take up."""
        return inviting.make(self.desk, addresses, days, follows, note)

    def invite(self, org: str, note: Any = "", follows: bool = True) -> TakenUp:
        """Invite an organisation whose key is known here, without a link."""
        return inviting.invite(self.desk.inside, org, note, follows)

    def invitations(self) -> tuple[InvitationLine, ...]:
        """Our invitations, newest first."""
        return inviting.listed(self.desk)

    def revoke_invitation(self, id: str) -> InvitationLine:
        """Cancel one that nobody took up."""
        return inviting.revoke(self.desk, id)

    def read_invitation(self, link: str) -> LinkRead:
        """What a link says, before it is taken up."""
        return inviting.read(self.desk, link)

    def take_up(self, link: str, wait_seconds: float = inviting.WAIT_SECONDS) -> TakenUp:
        """Follow whoever made a link, and bring its token back."""
        return inviting.take_up(self.desk, link, wait_seconds)

    def add_peer(self, address: str) -> Any:
        """Try an address that a person gave."""
        return peers.add(self.desk, address)

    # --- drafts --------------------------------------------------------------------------------
    def draft_save(self, id: str, kind: str, fields: Mapping[str, Any]) -> Draft:
        """Keep what is being written, on this computer only; ``id`` "" makes a new one."""
        return drafts.save(self.desk, id, kind, fields)

    def draft_list(self) -> list[Draft]:
        """Drafts, newest first."""
        return self.desk.reader.drafts()

    def draft(self, id: str) -> Draft | None:
        """One draft."""
        return self.desk.reader.draft(id)

    def draft_drop(self, id: str) -> None:
        """Forget a draft."""
        drafts.drop(self.desk, id)

    def follow_key(self, org: str, key: str) -> disputes.Followed:
        """Of two branches of an organisation, follow the one that signs with this key."""
        return disputes.follow(self.desk, org, key)

    # --- keys ----------------------------------------------------------------------------------
    def key_show(self) -> keys.KeysShown:
        """What state our keys are in; nothing secret."""
        return keys.show(self.desk)

    def open_epoch(
        self,
        phrase: str,
        reason: str = "",
        base: int | None = None,
        dry_run: bool = False,
        undo: bool = False,
    ) -> epochs.Epoch:
        """A new operating key, signed for by the recovery phrase; ``base`` entries stay (None: all)."""
        given = phrases.read(phrase)
        opened = epochs.open_epoch(self.desk, given, reason=reason, base=base, undo=undo, dry_run=dry_run)
        if opened.opened and opened.dropped:
            erasing.renew(self.desk)
        return opened

    def key_root(self, phrase: str, org: str) -> entrusting.RootKey:
        """The public root key that we would keep for another organisation."""
        return entrusting.key_for(self.desk, phrases.read(phrase), org)

    def key_entrust(self, phrase: str, root: str, reason: str, remove: bool) -> epochs.Epoch:
        """Open an epoch with a friend's key behind our own roots, or without it any more."""
        return entrusting.entrust(self.desk, phrases.read(phrase), root, reason=reason, remove=remove)

    def hand_back(self, phrase: str, request: str, reason: str) -> entrusting.Handed:
        """Sign the op that hands an organisation that lost everything to its new phrase."""
        return entrusting.hand_back(self.desk, phrases.read(phrase), request, reason)

    def foresee_epoch(self) -> epochs.Epoch:
        """What a new start of the register would keep and drop now."""
        return epochs.foresee(self.desk)

    def change_passphrase(self, old: str, new: str) -> keys.Guarded:
        """Guard the key file by another passphrase, or by none."""
        return keys.change_passphrase(self.desk, old, new)

    # --- registers and the node itself ---------------------------------------------------------
    def sync(self, wait: int, timeout: float, emit: Emit) -> Any:
        """Ask for news; wait until ``wait`` organisations hold all we published."""
        return peers.sync(self.desk, wait, timeout, emit)

    def sync_to(self, path: str, emit: Emit, *, files: bool = False) -> Any:
        """Write all registers held to a file, for somebody whom no network reaches."""
        return carrying.write_to(self.desk, path, emit, files=files)

    def sync_from(self, path: str, emit: Emit) -> Any:
        """Take from such a file what we listen to."""
        return receiving.read_from(self.desk, path, emit)

    def backup(self, path: str, keys: bool, emit: Emit) -> Any:
        """Copy everything that makes this node into a folder, while it works."""
        return backup.make(self.desk, path, keys, emit)

    def log_show(self, log: str, start: int, limit: int) -> Any:
        """Entries of a register, as they stand."""
        return registers.show(self.desk, log, start, limit)

    def log_verify(self, emit: Emit) -> Any:
        """Recompute every register held, from what is on disk."""
        return registers.verify(self.desk, emit)

    def log_export(self, log: str, path: str, emit: Emit) -> Any:
        """Write a register into a folder, as C2SP tlog-tiles."""
        return tlog.export(self.desk, log, path, emit)

    def prove(self, rec: str, witnesses: int = 0, timeout: float = 30.0, emit: Emit | None = None) -> Proved:
        """A proof of a record, for somebody who has nothing else."""
        return proving.prove(self.desk, rec, witnesses, timeout, emit or _silent)

    def prove_fork(self, org: str) -> ForkProved:
        """The evidence that an organisation signed two registers, for somebody who has nothing else."""
        return forking.prove(self.desk, org)

    def export(self, format: str, kind: str, emit: Emit) -> Any:
        """Our records of a kind, as lines that can be imported again."""
        return registers.export(self.desk, format, kind, emit)

    def login_link(self, language: str = "") -> dict[str, str]:
        """A one-time address that opens a session for writing."""
        return {"url": self.desk.live.login_link(self._language(language))}

    def allow_signing(self) -> dict[str, bool]:
        """A person says that no newer copy of our register exists."""
        return peers.allow_signing(self.desk)

    def doctor(self, emit: Emit | None = None) -> Any:
        """What is well, what is not, and what to do."""
        return health.doctor(self.desk, emit or _silent)

    def repair(self, emit: Emit | None = None, salvaged: str = "") -> Any:
        """Make registers again what was signed, from what is left and what others hold."""
        return repairing.repair(self.desk, emit or _silent, salvaged)

    def _language(self, reader_language: str) -> str:
        return reader_language or self.desk.language


def _silent(event: dict[str, Any]) -> None:
    """Nobody watches."""
