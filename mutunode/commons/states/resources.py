"""What became of a resource: published, revised, withdrawn; or we cannot say yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mutunode.commons.states.acts import Act, Held, Ref, field


class ResourceState(msgspec.Struct, frozen=True):
    """A record through its versions (of any kind that is revisable).

    ``status``: draft · published · revised · withdrawn · erased · retracted · opaque · pending. ``current``
    is the version to show; None while a newer one is known of and not held. ``rivals``: other versions that
    nothing supersedes (two revisions of one version): shown beside the current one, never merged.
    """

    status: str
    current: Act | None
    versions: tuple[Act, ...]  # oldest first
    rivals: tuple[Act, ...] = ()
    reason: str = ""  # of the withdrawal
    replaced_by: tuple[Any, ...] | None = None  # ref

    @property
    def pending(self) -> bool:
        """Whether data is awaited."""
        return self.status == "pending"


def resource_state(records: Iterable[Act], now: int, of: Ref) -> ResourceState:
    """The state of the record of which ``of`` names any version. ``records``: all its versions, and the
    withdrawals of its author."""
    return state_of(Held(records, now), of)


def state_of(held: Held, of: Ref) -> ResourceState:
    """``resource_state`` over acts already indexed."""
    versions = tuple(held.versions((of[0], of[1])))
    unknown = [act for act in versions if act.superseded_by is not None and not _follower_held(held, act)]
    if not versions or unknown:
        return ResourceState("pending", None, versions)
    drafts = [act for act in versions if act.state == "draft"]
    ends = [act for act in versions if act.superseded_by is None and act not in drafts]
    if not ends:
        return (
            ResourceState("draft", drafts[-1], versions)
            if drafts
            else ResourceState("pending", None, versions)
        )
    current = ends[-1]
    status = _status(current, revised=len(versions) - len(drafts) > 1)
    reason, replaced_by = _withdrawal(held, current)
    return ResourceState(status, current, versions, tuple(ends[:-1]), reason, replaced_by)


def _follower_held(held: Held, act: Act) -> bool:
    return held.holds((act.log, act.superseded_by or 0))


def _status(current: Act, *, revised: bool) -> str:
    if current.state in ("erased", "retracted", "opaque"):
        return current.state
    if current.withdrawn_by is not None:
        return "withdrawn"
    if current.state == "missing":
        return "pending"
    return "revised" if revised else "published"


def _withdrawal(held: Held, current: Act) -> tuple[str, tuple[Any, ...] | None]:
    """Reason and successor, when the withdrawal itself is held and readable."""
    if current.withdrawn_by is None:
        return "", None
    acts = [act for act in held.of_kind("withdrawal") if act.place == (current.log, current.withdrawn_by)]
    if not acts or acts[0].body is None:
        return "", None
    successor = field(acts[0], "replaced_by", None)
    return str(field(acts[0], "reason", "")), tuple(successor) if isinstance(successor, list) else None


def ack_policy(body: Mapping[str, Any]) -> str:
    """What a resource's author said about being told of its uses; silence is indifference."""
    ack = body.get("ack")
    policy = ack.get("policy", "indifferent") if isinstance(ack, dict) else "indifferent"
    return str(policy)


def asks(body: Mapping[str, Any]) -> bool:
    """Whether readers are invited to tell of their use, and the author to answer."""
    return ack_policy(body) != "indifferent"
