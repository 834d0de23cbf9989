"""The author's own word on how many told it in confidence that they use a record: of three and more."""

from __future__ import annotations

from mutunode.commons.kinds.usage_count import ORGANISATIONS_MIN
from mutunode.commons.states import usage_state
from mutunode.protocol.ids import rec_text
from mutunode.service import publishing, rules
from mutunode.service.acts import told_in_confidence, usage_acts
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.shapes import Published
from mutunode.store.interface import Stored


def publish(desk: Desk, resource: Stored) -> tuple[Published, ...]:
    """Publish how many organisations told us alone that they use a record, for each way with enough of them.

    Raises:
        Refusal: it is not ours, or fewer than three told us of any one way.
    """
    rules.must_be_ours(desk, resource)
    state = usage_state(usage_acts(desk, resource), desk.now(), rules.ref_of(resource))
    ways = sorted({each.type for each in state.acknowledgements if each.confided})
    numbers = {way: told_in_confidence(desk, resource, way) for way in ways}
    enough = {way: n for way, n in numbers.items() if n >= ORGANISATIONS_MIN}
    if not enough:
        raise _too_few(max(numbers.values(), default=0))
    newest = rec_text(rules.newest(desk, resource).rec)
    fields = [{"resource": newest, "type": way, "n": n} for way, n in enough.items()]
    return tuple(publishing.publish(desk, "usage_count", each) for each in fields)


def _too_few(most: int) -> Refusal:
    least = ORGANISATIONS_MIN
    return Refusal(
        "too_few",
        Exit.REFUSED,
        f"{most} organisation(s) vous l’ont confié : il en faut {least} pour le dire sans les trahir.",
        f"{most} organisation(s) told you so in confidence: it takes {least} to say so and not betray them.",
    )
