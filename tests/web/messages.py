"""Every text of the pages that is to be translated, as the templates and modules hold it.

``python -m tests.web.messages`` adds new texts to each ``locale/*.po``, empty, and takes out those no longer
used; what is translated stays.
"""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import mutunode.web

PACKAGE = Path(mutunode.web.__file__).parent
LOCALE = PACKAGE / "locale"
KEYWORDS = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def extracted() -> Catalog:
    """All texts, in the order of the files."""
    catalogue = Catalog(charset="utf-8", fuzzy=False)
    found = extract_from_dir(
        str(PACKAGE),
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        options_map={"templates/**.html": {"silent": "false", "trimmed": "true"}},
        keywords=KEYWORDS,
        comment_tags=("Translators:",),
    )
    for name, _line, message, comments, context in sorted(found, key=lambda each: (each[0], each[1])):
        catalogue.add(message, None, [(name, None)], auto_comments=comments, context=context)  # type: ignore[list-item]
    return catalogue


def translated(language: str) -> Catalog:
    """The catalogue of a language."""
    return read_po(io.BytesIO((LOCALE / f"{language}.po").read_bytes()), locale=language)


def update(language: str) -> None:
    """Bring a catalogue up to the texts there are; its header stays as it is."""
    path = LOCALE / f"{language}.po"
    held = translated(language)
    header, _, _ = path.read_text("utf-8").partition("\n\n")
    held.update(extracted(), no_fuzzy_matching=True, keep_user_comments=True)
    held.obsolete.clear()
    out = io.BytesIO()
    write_po(out, held, width=110, omit_header=True, sort_by_file=True, include_lineno=False)
    path.write_text(f"{header}\n\n{out.getvalue().decode('utf-8').lstrip()}", "utf-8")


if __name__ == "__main__":
    for each in LOCALE.glob("*.po"):
        update(each.stem)
