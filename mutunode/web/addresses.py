"""Every page's address, in each language: the one place where a path is written.

``path("record", "fr", rec="rec_…")`` gives ``/fr/fiche/rec_…``. Pages refer to each other by name, so that
no link can point at a page that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from mutunode.web.settings import Language

REC = "{rec:rec_[a-z2-7]{8,52}}"
ORG = "{org:org_[a-z2-7]{8,52}}"
INDEX = "{index:[0-9]{1,3}}"
UPLOAD = "{upload:[A-Za-z0-9_-]{16,64}}"
KIND = "{kind:[a-z][a-z0-9_]{0,63}}"

PAGES: dict[str, dict[Language, str]] = {
    "search": {"fr": "chercher", "en": "search"},
    "record": {"fr": f"fiche/{REC}", "en": f"record/{REC}"},
    "proof": {"fr": f"fiche/{REC}/preuve", "en": f"record/{REC}/proof"},
    "proof_file": {"fr": f"fiche/{REC}/preuve/fichier", "en": f"record/{REC}/proof/file"},
    "declare": {"fr": f"fiche/{REC}/usage", "en": f"record/{REC}/usage"},
    "count_told": {"fr": f"fiche/{REC}/usages-confies", "en": f"record/{REC}/told-in-confidence"},
    "revise": {"fr": f"fiche/{REC}/corriger", "en": f"record/{REC}/revise"},
    "withdraw": {"fr": f"fiche/{REC}/retirer", "en": f"record/{REC}/withdraw"},
    "flag": {"fr": f"fiche/{REC}/signaler", "en": f"record/{REC}/report"},
    "file": {"fr": f"fiche/{REC}/fichier/{INDEX}", "en": f"record/{REC}/file/{INDEX}"},
    "file_played": {"fr": f"fiche/{REC}/fichier/{INDEX}/lire", "en": f"record/{REC}/file/{INDEX}/play"},
    "file_picture": {
        "fr": f"fiche/{REC}/fichier/{INDEX}/vignette",
        "en": f"record/{REC}/file/{INDEX}/picture",
    },
    "fetch_files": {"fr": f"fiche/{REC}/fichiers", "en": f"record/{REC}/files"},
    "release_files": {"fr": f"fiche/{REC}/ne-plus-garder", "en": f"record/{REC}/stop-keeping"},
    "upload": {"fr": "envoi", "en": "upload"},
    "upload_part": {"fr": f"envoi/{UPLOAD}", "en": f"upload/{UPLOAD}"},
    "means": {"fr": "moyens", "en": "means"},
    "means_page": {"fr": f"moyens/{REC}", "en": f"means/{REC}"},
    "book": {"fr": f"moyens/{REC}/demander", "en": f"means/{REC}/ask"},
    "bookings": {"fr": "reservations", "en": "bookings"},
    "booking": {"fr": f"reservation/{REC}", "en": f"booking/{REC}"},
    "organisation": {"fr": f"organisation/{ORG}", "en": f"organisation/{ORG}"},
    "follow": {"fr": f"organisation/{ORG}/suivre", "en": f"organisation/{ORG}/follow"},
    "leave": {"fr": f"organisation/{ORG}/ne-plus-suivre", "en": f"organisation/{ORG}/stop-following"},
    "settle": {"fr": f"organisation/{ORG}/trancher", "en": f"organisation/{ORG}/settle"},
    "keys": {"fr": "cles", "en": "keys"},
    "network": {"fr": "reseau", "en": "network"},
    "add_address": {"fr": "reseau/adresse", "en": "network/address"},
    "invite": {"fr": "reseau/inviter", "en": "network/invite"},
    "take_up": {"fr": "reseau/invitation", "en": "network/invitation"},
    "words": {"fr": "mots", "en": "words"},
    "accessibility": {"fr": "accessibilite", "en": "accessibility"},
    "programs": {"fr": "programmes", "en": "programs"},
    "todo": {"fr": "a-traiter", "en": "to-do"},
    "publish": {"fr": "publier", "en": "publish"},
    "publish_kind": {"fr": f"publier/{KIND}", "en": f"publish/{KIND}"},
    "import_file": {"fr": "importer", "en": "import"},
    "session": {"fr": "session", "en": "session"},
    "log_out": {"fr": "session/fermer", "en": "session/close"},
}


def pattern(name: str, language: Language) -> str:
    """The route aiohttp listens on."""
    return f"/{language}/{PAGES[name][language]}"


def path(name: str, language: Language, query: Mapping[str, object] | None = None, **values: str) -> str:
    """The address of a page. ``query`` values that are empty are left out; lists repeat their name."""
    parts = [_fill(part, values) for part in PAGES[name][language].split("/")]
    address = f"/{language}/{'/'.join(parts)}"
    pairs = [(key, value) for key, value in (query or {}).items() if value not in ("", None, (), [])]
    return f"{address}?{urlencode(pairs, doseq=True)}" if pairs else address


def _fill(part: str, values: Mapping[str, str]) -> str:
    if not part.startswith("{"):
        return part
    return quote(values[part[1 : part.index(":")]], safe="")
