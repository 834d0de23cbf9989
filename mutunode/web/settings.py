"""How the pages are reached, and by whom."""

from __future__ import annotations

from typing import Literal

import msgspec

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = ("fr", "en")


class WebSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the composition decides for the pages."""

    listen_host: str = "127.0.0.1"
    listen_port: int = 0
    allowed_hosts: tuple[str, ...] = ()  # further names, with or without port, under which we may be asked
    language: Language = "fr"  # of a reader who says nothing
    reading: Literal["here", "premises"] = "here"
    behind_tls_proxy: bool = False
    version: str = ""

    @property
    def scheme(self) -> str:
        """What readers see in front of the address."""
        return "https" if self.behind_tls_proxy else "http"
