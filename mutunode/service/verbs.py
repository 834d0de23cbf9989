"""Verbs: what may be asked of a node by name.

The control socket and the CLI without a daemon both come through ``call``; what each verb takes is a struct
of ``params``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from mutunode.service.errors import Exit, Refusal
from mutunode.service.params import (
    AnswerUsage,
    AtAddress,
    Backup,
    BlockMeans,
    BookAct,
    BookRequest,
    Carry,
    Emit,
    Entrusting,
    Export,
    ExportLog,
    Flag,
    FollowKey,
    GetFiles,
    Import,
    Invite,
    LoginLink,
    MeansHours,
    MeansLs,
    Nothing,
    OfBlob,
    OfInvitation,
    OfKind,
    OfMeans,
    OfOrganisation,
    OfPeer,
    OfRecord,
    OpenEpoch,
    Params,
    Passphrase,
    Prove,
    ProveFork,
    Publish,
    Release,
    Revise,
    Search,
    ShowLog,
    Sync,
    TakeUp,
    Use,
    Withdraw,
)

if TYPE_CHECKING:
    from mutunode.service.office import Office


class Verb(msgspec.Struct, frozen=True):
    """One verb. ``streams``: it tells its progress while it works."""

    params: type[Params]
    run: Callable[[Office, Any, Emit], Any]
    streams: bool = False


def _given(params: Params, *without: str) -> dict[str, Any]:
    """The parameters as keyword arguments of the office's method of the same name."""
    return {
        field.name: getattr(params, field.name)
        for field in msgspec.structs.fields(type(params))
        if field.name not in without
    }


def _publish(office: Office, params: Publish, emit: Emit) -> Any:
    fields = office.archive.take_in(params.fields, emit, dry_run=params.dry_run)
    if params.dry_run:
        return office.preview(params.kind, fields, params.reader_language)
    return office.publish(params.kind, fields)


def _revise(office: Office, params: Revise, emit: Emit) -> Any:
    fields = office.archive.take_in(params.fields, emit, dry_run=params.dry_run)
    if params.dry_run:
        return office.preview_revision(params.rec, fields, params.reader_language)
    return office.revise(params.rec, fields)


def _use(office: Office, params: Use, emit: Emit) -> Any:
    if params.dry_run:
        return office.preview("usage", office.usage_fields(**_given(params, "dry_run", "reader_language")))
    return office.use(**_given(params, "dry_run", "reader_language"))


def _withdraw(office: Office, params: Withdraw, emit: Emit) -> Any:
    given = _given(params, "dry_run", "reader_language")
    if params.dry_run:
        return office.preview_withdrawal(**given, reader_language=params.reader_language)
    return office.withdraw(**given)


def _block_means(office: Office, params: BlockMeans, emit: Emit) -> Any:
    if params.dry_run:
        return office.preview("means_block", params.fields, params.reader_language)
    return office.lender.block(params.fields)


def _book_request(office: Office, params: BookRequest, emit: Emit) -> Any:
    asked = _given(params, "rec", "dry_run", "reader_language")
    if params.dry_run:
        return office.lender.preview_request(params.rec, params.reader_language, **asked)
    return office.lender.request(params.rec, **asked)


def _book_act(office: Office, params: BookAct, emit: Emit) -> Any:
    more = _given(params, "rec", "act", "dry_run", "reader_language")
    if params.dry_run:
        return office.lender.preview_act(params.act, params.rec, params.reader_language, **more)
    return office.lender.act(params.act, params.rec, **more)


def _invite(office: Office, params: Invite, emit: Emit) -> Any:
    if params.to:
        return office.invite(params.to, params.note, params.follows)
    note = params.note if isinstance(params.note, str) else ""
    return office.invitation(params.address, params.days, params.follows, note)


VERBS: dict[str, Verb] = {
    "publish": Verb(Publish, _publish, streams=True),
    "revise": Verb(Revise, _revise, streams=True),
    "get": Verb(GetFiles, lambda o, p, e: o.archive.get(p.rec, p.path, p.timeout, e), streams=True),
    "fetch": Verb(OfRecord, lambda o, p, e: {"wanted": o.archive.fetch(p.rec)}),
    "files": Verb(OfRecord, lambda o, p, e: o.archive.lines(p.rec)),
    "release": Verb(Release, lambda o, p, e: o.archive.release(p.target)),
    "whose": Verb(OfBlob, lambda o, p, e: o.archive.whose(p.blob)),
    "use": Verb(Use, _use),
    "withdraw": Verb(Withdraw, _withdraw),
    "answer": Verb(AnswerUsage, lambda o, p, e: o.answer(p.rec, p.answer, p.reason)),
    "flag": Verb(Flag, lambda o, p, e: o.flag(p.rec, p.reason, p.note)),
    "means_ls": Verb(MeansLs, lambda o, p, e: o.lender.find(**_given(p))),
    "means_show": Verb(OfMeans, lambda o, p, e: o.lender.page(p.rec, p.day, p.reader_language)),
    "means_hours": Verb(MeansHours, lambda o, p, e: o.lender.take_hours(p.rec, p.text, p.dry_run)),
    "means_block": Verb(BlockMeans, _block_means),
    "book_request": Verb(BookRequest, _book_request),
    "book_act": Verb(BookAct, _book_act),
    "book_show": Verb(OfRecord, lambda o, p, e: o.lender.booking(p.rec, p.reader_language)),
    "book_ls": Verb(Nothing, lambda o, p, e: o.lender.bookings(p.reader_language)),
    "import": Verb(Import, lambda o, p, e: o.import_verb(p, e), streams=True),
    "search": Verb(Search, lambda o, p, e: o.search(**_given(p))),
    "show": Verb(OfRecord, lambda o, p, e: o.show(p.rec, p.reader_language)),
    "usage": Verb(OfRecord, lambda o, p, e: o.usage(p.rec)),
    "peer_ls": Verb(Nothing, lambda o, p, e: o.network().organisations),
    "peer_nearby": Verb(Nothing, lambda o, p, e: o.network().nearby),
    "peer_add": Verb(AtAddress, lambda o, p, e: o.add_peer(p.address)),
    "peer_invite": Verb(Invite, _invite),
    "peer_invitations": Verb(Nothing, lambda o, p, e: o.invitations()),
    "peer_revoke": Verb(OfInvitation, lambda o, p, e: o.revoke_invitation(p.id)),
    "peer_read_invitation": Verb(TakeUp, lambda o, p, e: o.read_invitation(p.link)),
    "peer_take_up": Verb(TakeUp, lambda o, p, e: o.take_up(p.link, p.wait)),
    "peer_accept": Verb(OfPeer, lambda o, p, e: o.accept(p.org, p.address, p.vouch, p.listed)),
    "peer_block": Verb(OfPeer, lambda o, p, e: o.block(p.org)),
    "peer_unblock": Verb(OfPeer, lambda o, p, e: o.unblock(p.org)),
    "count_told": Verb(OfRecord, lambda o, p, e: o.count_told(p.rec)),
    "todo": Verb(Nothing, lambda o, p, e: o.todo(p.reader_language)),
    "status": Verb(Nothing, lambda o, p, e: o.status()),
    "sync": Verb(Sync, lambda o, p, e: o.sync(p.wait, p.timeout, e), streams=True),
    "sync_to": Verb(Carry, lambda o, p, e: o.sync_to(p.path, e, files=p.files), streams=True),
    "sync_from": Verb(Carry, lambda o, p, e: o.sync_from(p.path, e), streams=True),
    "backup": Verb(Backup, lambda o, p, e: o.backup(p.path, p.keys, e), streams=True),
    "log_show": Verb(ShowLog, lambda o, p, e: o.log_show(p.log, p.start, p.limit)),
    "log_verify": Verb(Nothing, lambda o, p, e: o.log_verify(e), streams=True),
    "log_export": Verb(ExportLog, lambda o, p, e: o.log_export(p.log, p.path, e), streams=True),
    "prove_fork": Verb(ProveFork, lambda o, p, e: o.prove_fork(p.org)),
    "prove": Verb(Prove, lambda o, p, e: o.prove(p.rec, p.witnesses, p.timeout, e), streams=True),
    "export": Verb(Export, lambda o, p, e: o.export(p.format, p.kind, e), streams=True),
    "peer_follow": Verb(FollowKey, lambda o, p, e: o.follow_key(p.org, p.key)),
    "peer_show": Verb(OfOrganisation, lambda o, p, e: o.organisation(p.org, p.reader_language)),
    "epoch_open": Verb(
        OpenEpoch, lambda o, p, e: o.open_epoch(p.phrase, p.reason, p.base, p.dry_run, p.undo)
    ),
    "key_root": Verb(Entrusting, lambda o, p, e: o.key_root(p.phrase, p.org)),
    "key_entrust": Verb(Entrusting, lambda o, p, e: o.key_entrust(p.phrase, p.root, p.reason, p.remove)),
    "hand_back": Verb(Entrusting, lambda o, p, e: o.hand_back(p.phrase, p.request, p.reason)),
    "key_show": Verb(Nothing, lambda o, p, e: o.key_show()),
    "key_passphrase": Verb(Passphrase, lambda o, p, e: o.change_passphrase(p.old, p.new)),
    "login_link": Verb(LoginLink, lambda o, p, e: o.login_link(p.language)),
    "allow_signing": Verb(Nothing, lambda o, p, e: o.allow_signing()),
    "doctor": Verb(Nothing, lambda o, p, e: o.doctor(e), streams=True),
    "repair": Verb(Nothing, lambda o, p, e: o.repair(e), streams=True),
    "schema": Verb(OfKind, lambda o, p, e: o.schema(p.kind)),
    "kinds": Verb(Nothing, lambda o, p, e: o.kinds()),
}
STREAMING = frozenset(name for name, verb in VERBS.items() if verb.streams)


def call(office: Office, name: str, params: dict[str, Any], emit: Emit) -> Any:
    """Run a verb.

    Raises:
        Refusal: unknown verb, a parameter that does not fit, or whatever the verb itself refuses.
    """
    verb = VERBS.get(name)
    if verb is None:
        known = ", ".join(sorted(VERBS))
        raise Refusal(
            "usage", Exit.USAGE, f"Verbe inconnu : {name}. Connus : {known}.", f"Unknown verb {name}."
        )
    try:
        given = msgspec.convert(params, verb.params)
    except msgspec.ValidationError as error:
        raise Refusal(
            "usage",
            Exit.USAGE,
            f"« {name} » : paramètre refusé : {error}",
            f"`{name}`: parameter refused: {error}",
        ) from error
    return verb.run(office, given, emit)
