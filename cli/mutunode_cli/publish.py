"""Write records: `publish`, `revise`; and what can be written: `kinds`, `schema`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from mutunode_cli import failure, fields, files, kinds, screen, words
from mutunode_cli.failure import Failure
from mutunode_cli.options import Verb, both, dry_run_option, with_session
from mutunode_cli.session import Session

_WORDS = "mutunode_cli.publish.words"  # where a context keeps the words that are fields

manifest_option = click.option(
    "--manifest",
    metavar="FILE",
    help=both("champs en TOML ou JSON ; - : entrée standard", "fields as TOML or JSON; -: standard input"),
)


class FieldsVerb(Verb):
    """A command whose options are a kind's fields: its help lists them.

    click must not see them: it would read a text such as "- quick" as the options ``-``, `` `` and ``-q``.
    """

    def __init__(self, *args: Any, kind: kinds.Kind | None = None, **kwargs: Any) -> None:
        super().__init__(*args, own_language=True, **kwargs)
        self.kind = kind

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give click what it knows and keep the rest as fields."""
        ours, ctx.meta[_WORDS] = _sort_words(args, self._takes_value(ctx))
        return super().parse_args(ctx, ours)

    def _takes_value(self, ctx: click.Context) -> dict[str, bool]:
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        return {flag: not option.is_flag for option in options for flag in option.opts}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, then the fields of the kind."""
        super().format_options(ctx, formatter)
        if self.kind is not None:
            session = ctx.ensure_object(Session)
            with formatter.section(session.tr("Champs", "Fields")):
                formatter.write_dl([_field_help(field, session) for field in self.kind.fields.values()])


def _sort_words(args: list[str], takes_value: dict[str, bool]) -> tuple[list[str], list[str]]:
    """Words that click knows (and positional ones), and ``--field value`` words."""
    ours: list[str] = []
    given: list[str] = []
    left = list(args)
    while left:
        word = left.pop(0)
        flag, equals, _ = word.partition("=")
        if word == "--":
            return [*ours, word, *left], given
        if word == files.FILE:  # followed by as many paths as a shell makes of `*.pdf`
            given.append(word)
            while left and not left[0].startswith("--"):
                given.append(left.pop(0))
        elif flag in takes_value:
            ours += [word, *left[:1]] if takes_value[flag] and not equals else [word]
            left = left[1:] if takes_value[flag] and not equals else left
        elif not word.startswith("--"):
            ours.append(word)
        else:
            given.append(word)
            if not equals and left and not left[0].startswith("--") and left[0] not in takes_value:
                given.append(left.pop(0))
    return ours, given


def _given(ctx: click.Context) -> list[str]:
    words_given: list[str] = ctx.meta[_WORDS]
    return words_given


def _field_help(field: kinds.Field, session: Session) -> tuple[str, str]:
    name = "--" + field.name.replace("_", "-") + ("" if field.is_flag else " VALUE")
    text = words.pick(field.help, session.language) or words.pick(field.label, session.language)
    if field.required:
        text += session.tr(" [obligatoire]", " [required]")
    if field.is_list:
        text += session.tr(" [peut se répéter]", " [may be repeated]")
    return name, text


@click.command(
    cls=FieldsVerb,
    help=both(
        'Verser une fiche : « mutunode publish resource --title "Grille" --license CC-BY-4.0 ». Des fichiers '
        "l’accompagnent avec --file CHEMIN… (puis, pour le dernier : --alt TEXTE, --lang fr). "
        "La même clé --external-ref avec le même contenu ne publie rien de plus ; avec un nouveau contenu, "
        "c’est une nouvelle version. Champs d’une nature : « mutunode kinds NATURE ».",
        'Publish a record: `mutunode publish resource --title "Interview guide" --license CC-BY-4.0`. Files '
        "come with it by --file PATH… (then, of the last one: --alt TEXT, --lang fr). "
        "The same --external-ref with the same content publishes nothing more; with new content, it is a "
        "new version. Fields of a kind: `mutunode kinds KIND`.",
    ),
)
@click.argument("kind", required=False, default="")
@manifest_option
@dry_run_option
@click.pass_context
def publish_command(ctx: click.Context, kind: str, manifest: str | None, dry_run: bool) -> None:
    """Publish one record."""
    publish_kind(ctx, kind, manifest, dry_run)


def publish_kind(ctx: click.Context, kind: str, manifest: str | None, dry_run: bool) -> None:
    """Publish a record of a kind from what stands on the command line and in a manifest."""
    session = ctx.ensure_object(Session)
    named, body = fields.read_manifest(manifest) if manifest else ("", {})
    if kind and named and kind.replace("-", "_") != named:
        raise failure.usage(
            f"{manifest} décrit « {named} », et la commande dit « {kind} ».",
            f"{manifest} describes `{named}`, and the command says `{kind}`.",
        )
    if not (kind or named):
        raise failure.usage(
            "Quelle nature de fiche ? « mutunode publish NATURE --champ valeur… », ou --manifest FICHIER "
            "avec `kind`. Les natures : « mutunode kinds ».",
            "Which kind? `mutunode publish KIND --field value…`, or --manifest FILE with `kind`. "
            "The kinds: `mutunode kinds`.",
        )
    declared = kinds.the_kind(kinds.kinds(session), kind or named)
    if "files" in body and manifest:
        body["files"] = files.absolute(body["files"], Path(manifest).absolute().parent)
    named_files, rest = files.split(_given(ctx))
    body |= fields.from_words(declared, rest)
    if "files" in named_files:
        named_files["files"] = [*body.get("files", ()), *named_files["files"]]
    body |= named_files
    _write(session, "publish", {"kind": declared.name, "fields": body}, dry_run)


def shortcut(session: Session, verb: str) -> click.Command | None:
    """``publish`` under a kind's own verb; None when no kind of this node bears it."""
    try:
        known = kinds.kinds(session)
    except Failure:
        return None  # no node to ask: the verb is simply not known
    for kind in known.values():
        if verb in (kind.verb, kind.name, kind.name.replace("_", "-")):
            return _command_of(kind, verb)
    return None


def _command_of(kind: kinds.Kind, verb: str) -> click.Command:
    @manifest_option
    @dry_run_option
    @click.pass_context
    def of_kind(ctx: click.Context, manifest: str | None, dry_run: bool) -> None:
        publish_kind(ctx, kind.name, manifest, dry_run)

    about = both(words.pick(kind.about, "fr"), words.pick(kind.about, "en"))
    return FieldsVerb(
        verb,
        kind=kind,
        callback=of_kind,
        params=getattr(of_kind, "__click_params__", [])[::-1],
        help=about,
    )


@click.command(
    cls=FieldsVerb,
    help=both(
        "Publier une nouvelle version d’une de vos fiches ; les champs qui ne sont pas donnés restent.",
        "Publish a new version of a record of yours; fields that are not given stay.",
    ),
)
@click.argument("rec")
@manifest_option
@dry_run_option
@click.pass_context
def revise_command(ctx: click.Context, rec: str, manifest: str | None, dry_run: bool) -> None:
    """Revise one record."""
    session, given = ctx.ensure_object(Session), _given(ctx)
    _, body = fields.read_manifest(manifest) if manifest else ("", {})
    if not (body or given):
        raise failure.usage(
            "Que faut-il changer ? Donnez au moins un champ.", "What should change? Give at least one field."
        )
    before = session.call("show", {"rec": rec})
    named_files, rest = files.split(given)
    body |= fields.from_words(kinds.the_kind(kinds.kinds(session), before.get("kind", "")), rest)
    if "files" in body and manifest:
        body["files"] = files.absolute(body["files"], Path(manifest).absolute().parent)
    if "files" in named_files:
        kept = body if "files" in body else before.get("body", {})
        named_files["files"] = files.added_to(kept, named_files["files"])
    body |= named_files
    _write(session, "revise", {"rec": rec, "fields": body}, dry_run)


def _write(session: Session, verb: str, params: dict[str, Any], dry_run: bool) -> None:
    """Sign; what licences of others say of it is told before."""
    if "based_on" in params["fields"] and not dry_run:
        _show_licences(session, session.call(verb, params | {"dry_run": True}))
    ask = partial(files.call, session) if params["fields"].get("files") else session.call
    show_written(session, ask(verb, params | {"dry_run": dry_run}), dry_run)


@click.command(
    cls=Verb,
    help=both(
        "Les natures de fiches que ce nœud connaît ; avec NATURE, ses champs.",
        "The kinds of records this node knows; with KIND, its fields.",
    ),
)
@click.argument("kind", required=False)
@with_session
def kinds_command(session: Session, kind: str | None) -> None:
    """List the kinds, or the fields of one."""
    known = kinds.kinds(session)
    language = session.language
    if kind is None:
        rows = [
            (one.name, words.pick(one.label, language), words.both(words.SENSES, one.sense, language))
            for one in known.values()
        ]
        columns = session.tr("nature|nom|sens", "kind|name|sense").split("|")
        session.show([one.declared for one in known.values()], lambda: screen.table(columns, rows), known)
        return
    chosen = kinds.the_kind(known, kind)
    columns = session.tr("champ|explication", "field|meaning").split("|")
    listed = [_field_help(field, session) for field in chosen.fields.values()]
    session.show(chosen.declared, lambda: screen.table(columns, listed), chosen.fields)


@click.command(cls=Verb, help=both("Le schéma JSON d’une nature de fiche.", "The JSON schema of a kind."))
@click.argument("kind")
@with_session
def schema_command(session: Session, kind: str) -> None:
    """Print a kind's JSON schema."""
    screen.document(session.call("schema", {"kind": kind}))


def show_written(session: Session, answer: dict[str, Any], dry_run: bool = False) -> None:
    """What was published, or would be."""
    if dry_run:
        session.show(answer, lambda: _show_preview(session, answer), filter(None, [answer.get("unchanged")]))
        return
    if not (session.quiet or session.json):
        if not answer.get("created", True):
            session.note(
                "Rien de nouveau : ce contenu est déjà publié.", "Nothing new: this is published already."
            )
        elif answer.get("revises"):
            session.note("Nouvelle version publiée.", "New version published.")
        elif answer.get("sealed_for"):
            session.note(
                "Scellé dans votre registre : une seule organisation peut le lire.",
                "Sealed in your register: one organisation alone can read it.",
            )
        else:
            session.note(
                f"Publié : entrée n° {answer.get('index', 0) + 1} de votre registre.",
                f"Published: entry no. {answer.get('index', 0) + 1} of your register.",
            )
    session.show(answer, lambda: screen.line(answer["id"]), [answer["id"]])


def _show_preview(session: Session, preview: dict[str, Any]) -> None:
    if preview.get("unchanged"):
        session.note(
            f"Rien ne serait signé : {preview['unchanged']} dit déjà la même chose.",
            f"Nothing would be signed: {preview['unchanged']} says the same already.",
        )
        return
    session.note("Ce qui serait signé (rien ne l’a été) :", "What would be signed (nothing was):")
    if preview.get("revises"):
        session.note(f"nouvelle version de {preview['revises']}", f"new version of {preview['revises']}")
    for text in str(preview.get("text", "")).splitlines():
        screen.line(screen.clean(text) if text.strip() else "")
    _show_licences(session, preview)


def _show_licences(session: Session, preview: dict[str, Any]) -> None:
    for check in preview.get("checks", ()):
        if check.get("verdict") in ("warn", "conflict"):
            session.note(
                f"licence, {check.get('title', '')} : {words.pick(check.get('reason'), 'fr')}",
                f"licence, {check.get('title', '')}: {words.pick(check.get('reason'), 'en')}",
            )
