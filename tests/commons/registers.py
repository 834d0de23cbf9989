"""Organisations that write in their registers, for tests: what a store would hand to the state functions."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from mutunode.commons.states import Act

NOW = 1_800_000_000


def digest(*parts: object) -> bytes:
    """32 bytes that stand for these parts."""
    return hashlib.sha256(repr(parts).encode()).digest()


class Register:
    """One organisation's register. ``say`` returns a ref; ``acts`` is what a store shows of it."""

    def __init__(self, name: str) -> None:
        self.org = digest("org", name)
        self.log = digest("log", name)
        self._acts: list[Act] = []

    @property
    def acts(self) -> list[Act]:
        return list(self._acts)

    def say(self, kind: str, body: dict[str, Any], *, time: int = NOW) -> list[Any]:
        """Append a record; ``supersedes`` and a withdrawal's ``target`` show on what they name."""
        index = len(self._acts)
        leaf = digest(self.log, index)
        self._acts.append(
            Act(self.log, index, self.org, digest("rec", self.log, index), leaf, kind, time, dict(body))
        )
        if body.get("supersedes", [b""])[0] == self.log:
            self.mark(body["supersedes"], superseded_by=index)
        if kind == "withdrawal":
            self.mark(body["target"], withdrawn_by=index)
        return [self.log, index, leaf]

    def mark(self, ref: list[Any], **changes: Any) -> None:
        """Change how the store shows one record."""
        self._acts[ref[1]] = msgspec.structs.replace(self._acts[ref[1]], **changes)

    def without(self, ref: list[Any]) -> list[Act]:
        """The acts, one of them not held."""
        return [act for act in self._acts if act.index != ref[1]]

    # --- the acts of this issue, in short ---

    def share(self, title: str, *, policy: str = "welcome", **more: Any) -> list[Any]:
        return self.say("resource", {"title": {"fr": title}, "ack": {"policy": policy}, **more})

    def use(self, resource: list[Any], how: str = "used", *, time: int = NOW, **more: Any) -> list[Any]:
        return self.say("usage", {"resource": resource, "type": how, "period": "2026", **more}, time=time)

    def answer(self, usage: list[Any], word: str, **more: Any) -> list[Any]:
        reason = {"reason": {"fr": "Ce n’est pas cette fiche."}} if word == "contest" else {}
        return self.say("usage_answer", {"usage": usage, "answer": word, **reason, **more})

    def withdraw(self, target: list[Any], **more: Any) -> list[Any]:
        return self.say("withdrawal", {"target": target, "reason": "author", **more})


def together(*registers: Register) -> list[Act]:
    """What a node that holds these registers whole has."""
    return [act for register in registers for act in register.acts]
