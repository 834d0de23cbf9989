"""Erasing on purpose: which versions go, what is signed and told, and what others see afterwards."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from mutunode.protocol import phrase
from mutunode.service import epochs
from mutunode.service.phrases import Phrase
from mutunode.service.shapes import Erased, Erasing, Record
from mutunode.service.verifying import verify
from tests.service.conftest import Make
from tests.service.offices import Node, refused, until

Arrives = Callable[[Node, str], None]
Two = tuple[Node, Node]

SECRET = "Appeler Mme Zyzomyse au 06 12 34 56 78"


def versions(node: Node, *titles: str) -> list[str]:
    """One record in several versions, the oldest first."""
    recs = [node.publish(titles[0])]
    for title in titles[1:]:
        recs.append(node.office.revise(recs[-1], {"title": title}).id)
    return recs


def erase(node: Node, rec: str, **how: str) -> Erased:
    answer = node.office.withdraw(rec, "legal", erase=True, **how)  # type: ignore[arg-type]
    assert isinstance(answer, Erased)
    return answer


def plan(node: Node, rec: str, **how: str) -> Erasing:
    preview = node.office.preview_withdrawal(rec, "legal", erase=True, **how)  # type: ignore[arg-type]
    assert isinstance(preview, Erasing)
    return preview


def states(node: Node, recs: list[str]) -> list[str]:
    return [node.office.show(rec).state for rec in recs]


def says_nothing(shown: Record) -> bool:
    """Nothing of what it said is left in the answer."""
    return shown.erased and shown.state == "erased" and shown.body == {} and "06 12" not in shown.title


def test_an_erased_record_says_so_and_nothing_else(jardin: Node) -> None:
    rec, other = jardin.publish(SECRET), jardin.publish("Une autre fiche")
    answer = erase(jardin, rec, replaced_by=other)
    assert (answer.created, answer.erased, answer.withdrawn) == (True, (rec,), ())
    shown = jardin.office.show(rec)
    assert says_nothing(shown)
    assert shown.title == "Fiche : contenu effacé par son auteur"
    assert jardin.office.show(rec, "en").title == "Resource: content erased by its author"
    assert (shown.withdrawn_reason, shown.replaced_by) == ("legal", other)
    assert jardin.titles("") == ["Une autre fiche"]
    assert jardin.office.status().records == 2, "the withdrawal is one"


def test_all_versions_go_unless_somebody_says_otherwise(jardin: Node) -> None:
    recs = versions(jardin, SECRET, SECRET + " ou 79", "Sans numéro")
    signed = jardin.signatures
    answer = erase(jardin, recs[0])
    assert answer.erased == tuple(reversed(recs))
    assert answer.id == jardin.office.show(answer.id).id
    assert states(jardin, recs) == ["erased"] * 3
    assert jardin.signatures == signed + 1, "one signature for all of them"
    assert jardin.titles("") == []


def test_the_earlier_versions_alone_can_go_and_the_record_stays(jardin: Node) -> None:
    """Somebody corrected a record, and what was corrected should not stay readable."""
    recs = versions(jardin, SECRET, SECRET + " ou 79", "Sans numéro")
    answer = erase(jardin, recs[2], versions="earlier")
    assert set(answer.erased) == set(recs[:2])
    assert answer.withdrawn == ()
    assert states(jardin, recs) == ["erased", "erased", "ok"]
    assert jardin.titles("") == ["Sans numéro"]
    assert jardin.office.revise(recs[2], {"title": "Toujours là"}).created


def test_of_one_version_alone_the_earlier_ones_do_not_reappear(jardin: Node) -> None:
    recs = versions(jardin, "Première", SECRET, "Troisième")
    answer = erase(jardin, recs[1], versions="this")
    assert (answer.erased, answer.withdrawn) == ((recs[1],), (recs[0],))
    assert states(jardin, recs) == ["withdrawn", "erased", "ok"]
    assert jardin.titles("") == ["Troisième"]
    last = erase(jardin, recs[2], versions="this")
    assert (last.erased, last.withdrawn) == ((recs[2],), ())
    assert jardin.titles("") == []
    assert erase(jardin, recs[0]).erased == (recs[0],), "and what is left can go later"


def test_all_versions_go_also_after_one_between_them_went_alone(jardin: Node) -> None:
    recs = versions(jardin, SECRET, "Deuxième", "Troisième", "Quatrième")
    duplicate = jardin.publish("Un doublon")
    erase(jardin, recs[2], versions="this")
    jardin.office.withdraw(duplicate, "duplicate", recs[3])
    told = plan(jardin, recs[3])
    assert [each.id for each in told.erases] == [recs[3], recs[1], recs[0]]
    assert told.keeps == ()
    assert erase(jardin, recs[3]).erased == (recs[3], recs[1], recs[0])
    assert states(jardin, recs) == ["erased"] * 4
    assert states(jardin, [duplicate]) == ["withdrawn"], "what it replaced is another record"


@pytest.mark.parametrize(
    ("how", "erases", "withdraws", "keeps"),
    [
        ("all", [2, 1, 0], [], []),
        ("earlier", [1, 0], [], [2]),
        ("this", [1], [0], [2]),
    ],
)
def test_what_would_be_erased_is_told_before_and_nothing_is_written(
    jardin: Node, how: str, erases: list[int], withdraws: list[int], keeps: list[int]
) -> None:
    recs = versions(jardin, "Une", "Deux", "Trois")
    size = jardin.size()
    told = plan(jardin, recs[1], versions=how)
    assert [each.id for each in told.erases] == [recs[i] for i in erases]
    assert [each.id for each in told.withdraws] == [recs[i] for i in withdraws]
    assert [each.id for each in told.keeps] == [recs[i] for i in keeps]
    assert told.text.count("erase = true") == len(erases)
    assert (told.kind, told.index) == ("withdrawal", size)
    assert jardin.size() == size
    assert states(jardin, recs) == ["superseded", "superseded", "ok"]


def test_what_was_withdrawn_can_be_erased_later_and_only_once(jardin: Node) -> None:
    rec = jardin.publish(SECRET)
    jardin.office.withdraw(rec, "error")
    erase(jardin, rec)
    assert says_nothing(jardin.office.show(rec))
    size = jardin.size()
    with refused("erased", 4):
        erase(jardin, rec)
    with refused("withdrawn", 4):
        jardin.office.withdraw(rec, "error")
    with refused("withdrawn", 4):
        jardin.office.revise(rec, {"title": "Encore"})
    assert jardin.size() == size


def test_what_cannot_be_erased_is_said(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = jardin.publish("Une fiche")
    with refused("no_earlier", 4):
        erase(jardin, rec, versions="earlier")
    with refused("invalid", 2):
        jardin.office.withdraw(rec, "caprice", erase=True)
    arrives(atelier, rec)
    with refused("not_ours", 4):
        erase(atelier, rec)
    withdrawal = erase(jardin, rec).id
    with refused("not_erasable", 4):
        erase(jardin, withdrawal)


def test_a_withdrawal_published_field_by_field_erases_as_well(jardin: Node) -> None:
    recs = versions(jardin, SECRET, SECRET + " ou 79")
    jardin.office.publish("withdrawal", {"target": recs[1], "reason": "author", "erase": True})
    assert states(jardin, recs) == ["erased"] * 2


def test_drafts_with_the_same_words_go_too_and_others_stay(jardin: Node) -> None:
    rec = jardin.publish(SECRET, abstract="Un résumé assez long pour être reconnu")
    same = jardin.office.draft_save("", "resource", {"title": SECRET})
    part = jardin.office.draft_save(
        "", "resource", {"abstract": {"fr": "Un résumé assez long pour être reconnu"}}
    )
    other = jardin.office.draft_save("", "resource", {"title": "Autre chose", "type": "practice"})
    assert erase(jardin, rec).drafts == 2
    assert [draft.id for draft in jardin.office.draft_list()] == [other.id]
    assert {same.id, part.id}.isdisjoint({other.id})


def test_the_others_erase_it_too_and_still_tell_who_used_it(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = jardin.publish(SECRET, ack={"policy": "requested", "detail": "purpose"})
    arrives(atelier, rec)
    usage = atelier.office.use(rec, "adapted", purpose="En classe").id
    mine = atelier.office.publish(
        "resource", {"title": "Notre version", "based_on": [{"ref": rec, "relation": "adaptation"}]}
    ).id
    arrives(jardin, usage)
    arrives(jardin, mine)
    assert len(jardin.office.todo().waiting) == 2
    answer = erase(jardin, rec)
    arrives(atelier, answer.id)
    for node in two:
        until(lambda node=node: says_nothing(node.office.show(rec)), f"erased at {node.address}")  # type: ignore[misc]
        told = node.office.usage(rec)
        assert (told.declared, told.pending) == (1, False)
        assert node.office.show(usage).target_title == "Fiche : contenu effacé par son auteur"
        assert [child.id for child in node.office.show(rec).derived] == [mine]
        [parent] = node.office.show(mine).based_on
        assert (parent.id, parent.title) == (rec, "Fiche : contenu effacé par son auteur")
        assert node.office.log_verify(lambda event: None).registers == 2
    assert jardin.office.todo().waiting == (), "nobody is asked about what is gone"
    assert atelier.office.todo().asked == ()
    with refused("withdrawn", 4):
        atelier.office.use(rec, "taught")


def test_the_register_tells_what_was_erased_from_what_is_missing(jardin: Node) -> None:
    rec = jardin.publish(SECRET)
    jardin.publish("Une autre")
    erase(jardin, rec)
    lines = jardin.office.log_show("", 0, 10).entries
    assert [(line.held, line.state) for line in lines] == [(False, "erased"), (True, "ok"), (True, "ok")]


def test_a_proof_written_before_still_holds_and_none_can_be_written_after(jardin: Node) -> None:
    rec = jardin.publish(SECRET)
    proof = jardin.office.prove(rec).proof.encode()
    erase(jardin, rec)
    with refused("erased", 3):
        jardin.office.prove(rec)
    assert verify(proof).title == SECRET, "whoever has the file has the content"
    assert says_nothing(jardin.office.show(rec))


def test_who_reads_a_usb_key_first_erases_when_the_withdrawal_comes(make: Make, tmp_path: Path) -> None:
    """The key was written before; the one who reads it has never heard of the withdrawal."""
    jardin, fablab = make("Jardin"), make("Fablab")
    rec = jardin.publish(SECRET)
    for name in ("before", "after"):
        jardin.office.call("sync_to", {"path": str(tmp_path / name)}, lambda event: None)
        if name == "before":
            erase(jardin, rec)
    fablab.office.accept(jardin.org)
    fablab.office.call("sync_from", {"path": str(tmp_path / "before")}, lambda event: None)
    until(lambda: fablab.knows(rec), "it came with the key")
    assert fablab.office.show(rec).title == SECRET
    fablab.office.call("sync_from", {"path": str(tmp_path / "after")}, lambda event: None)
    until(lambda: says_nothing(fablab.office.show(rec)), "erased")
    read = fablab.office.call("sync_from", {"path": str(tmp_path / "before")}, lambda event: None)
    assert (read.taken, read.known) == (0, 1)
    assert says_nothing(fablab.office.show(rec))


def test_a_record_that_an_epoch_dropped_can_be_erased_too(two: Two, arrives: Arrives) -> None:
    """It stands nowhere any more and is still readable where it was kept: its place is made anew for it."""
    jardin, atelier = two
    first, rec = jardin.publish("Une fiche"), jardin.publish(SECRET)
    arrives(atelier, rec)
    known = Phrase(sha256(b"Jardin").digest())
    epochs.open_epoch(jardin.office.desk, known, reason="reprise", base=1)
    until(lambda: atelier.office.show(rec).state == "retracted", "dropped by the epoch")
    for node in two:
        assert node.office.show(rec).title == SECRET
    told = plan(jardin, rec)
    assert [each.id for each in told.erases] == [rec]
    erase(jardin, rec)
    for node in two:
        until(lambda node=node: says_nothing(node.office.show(rec)), f"erased at {node.address}")  # type: ignore[misc]
        assert node.office.show(first).state == "ok"
        node.office.log_verify(lambda event: None)


def test_withdrawals_are_signed_one_by_one(jardin: Node) -> None:
    """A file of them would erase without anybody having been told which versions."""
    rec = jardin.publish(SECRET)
    row = f'{{"target": "{rec}", "reason": "error", "erase": true}}'
    done = jardin.office.call(
        "import", {"lines": row, "format": "jsonl", "kind": "withdrawal"}, lambda event: None
    )
    assert (done.created, done.refused) == (0, 1)
    assert jardin.office.show(rec).title == SECRET


def test_an_epoch_that_drops_the_withdrawal_signs_it_again(make: Make) -> None:
    """Else a newcomer would be told of a record, and wait for a content that nobody gives any more."""
    jardin = make("Jardin")
    rec, other = jardin.publish(SECRET), jardin.publish("Une autre")
    erase(jardin, rec)
    words = " ".join(phrase.words(sha256(b"Jardin").digest(), "fr"))
    assert jardin.office.open_epoch(words, "reprise", 2, dry_run=False).dropped == 1
    shown = jardin.office.show(rec)
    assert says_nothing(shown)
    assert shown.withdrawn_reason == "author"
    newcomer = make("Nouvelle")
    newcomer.meets(jardin)
    until(lambda: newcomer.knows(other), "the register came")
    until(lambda: says_nothing(newcomer.office.show(rec)), "and what was erased is known to be")
    lines = newcomer.office.log_show(jardin.org, 0, 10).entries
    assert [line.state for line in lines] == ["erased", "ok", "ok"]
