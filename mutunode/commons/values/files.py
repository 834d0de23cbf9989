"""A file that a record carries: what identifies its content, and how to present it."""

from __future__ import annotations

from mutunode.commons.fields import Field, Show
from mutunode.commons.values.base import ValueType
from mutunode.commons.values.ids import Blob
from mutunode.commons.values.meanings import Language
from mutunode.commons.values.parts import ListOf, Record
from mutunode.commons.values.text import Int, LangText, Text
from mutunode.commons.words import Words

# A name is what a download is saved as: never a path, never "." or "..", no control characters.
_FILE_NAME = r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f]+"
_MEDIA_TYPE = r"[A-Za-z0-9][\w.+-]*/[A-Za-z0-9][\w.+-]*"


class File(Record):
    """``{blob, size, media_type, name, lang, alt}``."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(fields=_FIELDS)


_FIELDS = (
    Field("blob", Blob(), Words("Contenu", "Content"), required=True, show=Show.HIDDEN),
    Field("size", Int(), Words("Taille en octets", "Size in bytes"), required=True),
    Field(
        "media_type",
        Text(
            pattern=_MEDIA_TYPE,
            wrong=Words(
                "il faut un type comme application/pdf.", "it must be a type such as application/pdf."
            ),
        ),
        Words("Format", "Format"),
    ),
    Field(
        "name",
        Text(
            pattern=_FILE_NAME,
            wrong=Words(
                "il faut un nom de fichier, sans dossier.", "it must be the name of a file, without a folder."
            ),
        ),
        Words("Nom du fichier", "File name"),
    ),
    Field("lang", Language(), Words("Langue du fichier", "Language of the file")),
    Field(
        "alt",
        LangText(bytes_max=2_048),  # a description of a picture, not its essay
        Words("Texte de remplacement", "Alternative text"),
        Words(
            "Ce que montre l’image, pour qui ne la voit pas.",
            "What the picture shows, for who cannot see it.",
        ),
    ),
)


def takes_files(type: ValueType) -> bool:
    """Whether files are attached to a field of this type: one, or several."""
    return isinstance(type, File) or (isinstance(type, ListOf) and isinstance(type.item, File))
