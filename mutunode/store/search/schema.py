"""The fields of the index: pre-analysed words, whole values to filter by, and the place it has reached.

Three kinds of documents: records, owners (what an organisation is called: its name is in no record, so that
a new one reaches them all at once), and the one place. Tantivy only splits at blanks: what it is given went
through our analyser. Tokenizers are not kept in the folder, they are registered at every opening.
"""

from __future__ import annotations

import tantivy

from mutunode.store.search import analyser, languages
from mutunode.store.search.document import KEY_WEIGHT, Document, Owner

VERSION = f"6/{analyser.VERSION}"  # raise the first number whenever the fields or their contents change
TIME_MAX = 2**39 - 1  # seconds: 17,000 years
INDEX_MAX = 2**24 - 1  # 39 + 24 bits of a newness; places beyond stand level with each other
EXTERNAL_LENGTH_MAX = 2_000  # characters; addresses are shorter

# ``stems`` and ``words`` hold titles and keys, too. What is found among ``words`` by a word that has stems is
# found among ``stems`` by these: a search reads one list instead of two that say nearly the same.
STEM_FIELDS = ("title", "key", "stems", "owner")
WORD_FIELDS = ("title_words", "words", "owner_words")
FACETS = ("sense", "kind", "nature", "language", "license", "license_class", "org", "space")
RECORD, OWNER, PLACE = "record", "owner", "place"  # the roles of documents
FILLER = "filler"  # …and of those that are there for Tantivy to merge: see ``sweeping``

_WORDS = "mutunode_words"
_OF_NO_LANGUAGE = ("", "mul", "und", "zxx")


def build() -> tantivy.Schema:
    """The schema; one that differs from a folder's own is refused by Tantivy when opening."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("role", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("rec", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("external", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("thing", stored=True, tokenizer_name="raw", index_option="basic")
    for name in STEM_FIELDS:
        builder.add_text_field(name, tokenizer_name=_WORDS, index_option="freq")
    for name in WORD_FIELDS:
        builder.add_text_field(name, tokenizer_name=_WORDS, index_option="position")
    for name in FACETS:
        builder.add_text_field(
            name, stored=name == "org", tokenizer_name="raw", index_option="basic", fast=True
        )
    builder.add_unsigned_field("newness", fast=True)
    builder.add_text_field("place", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def register(index: tantivy.Index) -> None:
    """Give an opened index its tokenizer."""
    blanks = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer(_WORDS, blanks)


def record(document: Document) -> tantivy.Document:
    """A document of the index for a record."""
    made = tantivy.Document()
    add = made.add_text
    add("role", RECORD)
    add("rec", document.rec.hex())
    for language, text in document.titles:
        _add(made, ("title", "stems"), ("title_words", "words"), text, language)
    for language, text, weight in document.texts:
        _add(made, ("key", "stems") if weight >= KEY_WEIGHT else ("stems",), ("words",), text, language)
    for name, value in facet_values(document):
        add(name, value)
    if document.external:
        add("external", document.external[:EXTERNAL_LENGTH_MAX])
    for thing in document.things:
        add("thing", thing[:EXTERNAL_LENGTH_MAX])
    # typed on purpose: a plain integer would be signed, and kill the writer with an unrelated message
    made.add_unsigned("newness", newness(document.time, document.index))
    return made


def owner(named: Owner) -> tantivy.Document:
    """A document of the index for an organisation: it bears no space, so that nobody finds it as a record."""
    made = tantivy.Document()
    made.add_text("role", OWNER)
    made.add_text("rec", named.org.hex())
    _add(made, ("owner",), ("owner_words",), named.name, "")
    return made


def newness(time: int, index: int) -> int:
    """What orders records from the newest: their second, and within it their places in their log."""
    return min(max(time, 0), TIME_MAX) << INDEX_MAX.bit_length() | min(index, INDEX_MAX)


def _add(
    made: tantivy.Document, stems: tuple[str, ...], words: tuple[str, ...], text: str, language: str
) -> None:
    """A text's stems and its words in some fields; one of no known language is read as both of ours."""
    readings = languages.HOME if languages.primary(language) in _OF_NO_LANGUAGE else (language,)
    spelled = [analyser.spell(text, reading) for reading in readings]
    for name in stems:
        for of_reading in spelled:
            made.add_text(name, of_reading.stems)
    for name in words:
        made.add_text(name, spelled[0].words)
        if spelled[0].joined:  # a value of its own, so that no phrase runs over it
            made.add_text(name, spelled[0].joined)
    if "stems" in stems:
        _add_words_to_stems(made, spelled[0], readings)


def _add_words_to_stems(made: tantivy.Document, spelled: analyser.Spelled, readings: tuple[str, ...]) -> None:
    """What is among ``words`` and not among the stems under which a query would look for it."""
    if spelled.joined:
        joined = spelled.joined.split()
        made.add_text("stems", " ".join(analyser.stem(word, each) for each in readings for word in joined))
    if not {languages.primary(each) for each in readings} <= set(languages.HOME):
        made.add_text("stems", spelled.words)  # no query may be read in this language


def facet_values(document: Document) -> list[tuple[str, str]]:
    """What a record is counted and filtered under; ``fr-CA`` also counts as ``fr``."""
    given = [
        ("sense", document.sense),
        ("kind", document.kind),
        ("nature", document.nature),
        ("license", document.license),
        ("license_class", document.license_class),
        ("org", document.org.hex()),
        ("space", document.space.hex()),
    ]
    tags = dict.fromkeys([*document.languages, *map(languages.primary, document.languages)])
    return [each for each in given if each[1]] + [("language", tag) for tag in tags if tag]


def place(text: str) -> tantivy.Document:
    """The one document that is no record: committed together with what it speaks of."""
    made = tantivy.Document()
    made.add_text("role", PLACE)
    made.add_text("place", text)
    return made


def filler() -> tantivy.Document:
    """A document that says nothing."""
    made = tantivy.Document()
    made.add_text("role", FILLER)
    return made
