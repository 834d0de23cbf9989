"""The node itself: whom it follows, how it does, what it may do, and every verb by its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest

from mutunode.protocol.effects import Effect
from mutunode.protocol.ids import org_text
from mutunode.protocol.signing import Reason
from mutunode.service import readonly
from mutunode.service.verbs import STREAMING, VERBS
from mutunode.store.interface import StoreError, StoreFull
from mutunode.turns import Stopping
from tests.service.offices import Node, refused, until

Make = Callable[..., Node]
Arrives = Callable[[Node, str], None]


def call(node: Node, verb: str, **params: Any) -> Any:
    """A verb as the control socket calls it: JSON in, JSON out."""
    answer = node.office.call(verb, msgspec.json.decode(msgspec.json.encode(params)), lambda event: None)
    return msgspec.json.decode(msgspec.json.encode(answer))


# --- organisations -----------------------------------------------------------------------------------
def test_who_is_accepted_is_followed_from_then_on(make: Make, arrives: Arrives) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    before = atelier.publish("D’avant")
    jardin.office.accept(atelier.org, atelier.address)
    arrives(jardin, before)
    after = atelier.publish("D’après")
    arrives(jardin, after)
    [line] = jardin.office.network().organisations
    assert (line.org, line.name, line.stance, line.records) == (atelier.org, "Atelier", "accepted", 2)
    assert line.connected
    assert line.check_words == jardin.office.check_words(atelier.org)
    assert all(len(words.split()) == 6 for words in line.check_words.values())


def test_an_organisation_nearby_waits_for_a_decision_and_then_is_no_news(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    jardin.near.append((atelier.keys.org, atelier.address, time.time()))
    [near] = jardin.office.network().nearby
    assert (near.org, near.address) == (atelier.org, atelier.address)
    jardin.office.block(atelier.org[:12])  # a prefix will do: it is nearby
    assert jardin.office.network().nearby == ()
    [line] = jardin.office.network().organisations
    assert line.stance == "blocked"


def test_who_dialled_us_is_nearby_with_the_name_it_was_born_with(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    atelier.office.accept(jardin.org, jardin.address)
    [near] = until(lambda: [n for n in jardin.office.network().nearby if n.name])
    assert (near.org, near.name) == (atelier.org, "Atelier")
    assert near.address == "", "the port it dialled from is none that it answers at"


def test_a_name_that_looks_like_another_one_is_pointed_out(make: Make) -> None:
    jardin, other = make("Jardin des Lilas"), make("Jardin des Li1as")
    jardin.meets(other)
    [line] = jardin.office.network().organisations
    assert line.similar_to == "Jardin des Lilas"


def test_vouching_says_it_in_the_register_and_spreads_listening(make: Make, arrives: Arrives) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    jardin.meets(atelier)
    cantine.meets(jardin)
    rec = atelier.publish("Réparer un vélo")
    assert jardin.office.accept(atelier.org, vouch=True).stance == "accepted"
    arrives(cantine, rec)
    line = next(each for each in cantine.office.network().organisations if each.org == atelier.org)
    assert (line.stance, line.known_by) == ("", ("Jardin",))


def test_nobody_accepts_or_blocks_themselves(jardin: Node) -> None:
    for decide in (jardin.office.accept, jardin.office.block):
        with refused("ourselves", 4):
            decide(jardin.org)


def test_an_address_that_is_none_is_refused_before_anything_is_decided(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    with refused("bad_address", 2):
        jardin.office.accept(atelier.org, "nowhere")
    with refused("bad_address", 2):
        jardin.office.add_peer("http://nowhere")
    assert jardin.office.network().organisations == ()


def test_an_address_given_by_a_person_is_dialled(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    assert jardin.office.add_peer(f"{atelier.address}#{atelier.org}") == {
        "address": atelier.address,
        "org": atelier.org,
    }
    until(lambda: any(peer.state == "connected" for peer in jardin.office.status().peers))


# --- copies elsewhere ----------------------------------------------------------------------------------
def test_sync_waits_until_others_hold_what_was_published(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    rec = jardin.publish("Une fiche")
    assert call(jardin, "sync", wait=1, timeout=10)["holders"] == 1
    assert atelier.knows(rec)
    assert jardin.office.status().holders == 1
    assert jardin.office.network().holders == 1
    assert jardin.office.show(rec).proof.holders == 1


def test_sync_that_nobody_answers_says_that_it_is_kept_here(jardin: Node) -> None:
    jardin.publish("Une fiche")
    with refused("not_replicated", 6):
        call(jardin, "sync", wait=1, timeout=0.1)
    assert call(jardin, "sync")["holders"] == 0


@pytest.mark.parametrize("wrong", [{"wait": -1}, {"timeout": -1}, {"timeout": 1e9}])
def test_sync_refuses_what_makes_no_sense(jardin: Node, wrong: dict[str, Any]) -> None:
    with refused("usage", 2):
        call(jardin, "sync", **wrong)


# --- registers -----------------------------------------------------------------------------------------
def test_registers_are_shown_entry_by_entry_and_verified(two: tuple[Node, Node], arrives: Arrives) -> None:
    jardin, atelier = two
    for title in ("Un", "Deux"):
        jardin.publish(title)
    arrives(atelier, jardin.publish("Trois"))
    mine, theirs = call(jardin, "log_show"), call(atelier, "log_show", log=jardin.org)
    assert mine == theirs
    assert [(line["index"], line["kind"], line["held"]) for line in mine["entries"]] == [
        (0, "resource", True),
        (1, "resource", True),
        (2, "resource", True),
    ]
    assert [line["index"] for line in call(jardin, "log_show", **{"from": 1, "limit": 1})["entries"]] == [1]
    assert call(atelier, "log_verify") == {"registers": 1, "entries": 3}
    with refused("not_found", 3):
        call(jardin, "log_show", log="log_" + "a" * 52)


# --- health --------------------------------------------------------------------------------------------
def test_status_holds_what_scripts_rely_on(jardin: Node) -> None:
    jardin.publish("Une fiche")
    jardin.until_indexed()
    status = call(jardin, "status")
    assert status["org"] == jardin.org
    assert (status["name"], status["epoch"], status["records"], status["organisations"]) == (
        "Jardin",
        0,
        1,
        1,
    )
    assert status["logs"]["public"].keys() >= {"log", "size", "root"}
    assert (status["read_only"], status["web"], status["peer"]) == (False, "http://127.0.0.1:1/", "jardin:1")


def test_doctor_says_what_is_well_and_what_to_do_in_both_languages(jardin: Node) -> None:
    jardin.until_indexed()
    findings = {finding["name"]: finding for finding in call(jardin, "doctor")}
    assert findings["signing"]["well"]
    assert findings["search"]["well"]
    assert not findings["copies"]["well"]
    assert all(each["fr"] and each["en"] for each in findings.values())


def test_a_new_node_says_no_figure_where_there_is_none(jardin: Node) -> None:
    status = call(jardin, "status")
    register = status["logs"]["public"]
    assert (register["size"], register["signed_at"]) == (0, 0)
    assert call(jardin, "log_show")["entries"] == []
    assert call(jardin, "log_verify") == {"registers": 0, "entries": 0}
    assert call(jardin, "todo")["waiting"] == []
    assert call(jardin, "search")["total"] == 0


def test_a_one_time_link_is_made_in_the_language_asked_for(jardin: Node) -> None:
    assert call(jardin, "login_link", language="en")["url"].endswith("/en")
    assert call(jardin, "login_link")["url"].endswith("/fr")


@pytest.mark.parametrize("reason", [*Reason, "unmarked"])
def test_every_reason_for_not_signing_is_told_with_what_to_do(reason: str) -> None:
    if reason:
        assert reason in readonly.READ_ONLY
        with refused("read_only", 8):
            raise readonly.not_signed(reason)


FAULTS = [(StoreFull("full"), "full"), (StoreError("no disk"), "disk"), (Stopping(), "stopping")]


@pytest.mark.parametrize(("fault", "code"), FAULTS)
def test_a_fault_while_writing_keeps_nothing_and_is_told_in_words(
    jardin: Node, monkeypatch: pytest.MonkeyPatch, fault: Exception, code: str
) -> None:
    def act(job: object, **how: bool) -> Future[None]:
        failed: Future[None] = Future()
        failed.set_exception(fault)
        return failed

    monkeypatch.setattr(jardin.engine.turns, "act", act)
    with refused(code, 8):
        jardin.publish("Une fiche")


def test_a_full_disk_is_seen_in_the_status_and_reading_goes_on(jardin: Node) -> None:
    rec = jardin.publish("Une fiche")
    jardin.engine.turns.post(_full)
    status = until(lambda: s if (s := jardin.office.status()).read_only else None)
    assert "disque" in status.read_only_reason["fr"]
    assert jardin.office.show(rec).title == "Une fiche"
    until(lambda: not jardin.office.status().read_only)
    jardin.publish("Une autre")


def _full(node: object, now: float) -> list[Effect]:
    raise StoreFull("full")


# --- drafts --------------------------------------------------------------------------------------------
def test_drafts_stay_here_unsigned_until_they_are_dropped(jardin: Node) -> None:
    draft = jardin.office.draft_save("", "resource", {"title": "À finir"})
    jardin.office.draft_save(draft.id, "resource", {"title": "Presque"})
    assert [each.input for each in jardin.office.draft_list()] == [{"title": "Presque"}]
    assert (jardin.size(), jardin.titles()) == (0, [])
    jardin.office.draft_drop(draft.id)
    assert jardin.office.draft(draft.id) is None
    with refused("unknown_kind", 2):
        jardin.office.draft_save("", "poem", {})


# --- verbs ---------------------------------------------------------------------------------------------
def test_an_unknown_verb_and_an_unknown_parameter_are_refused_by_name(jardin: Node) -> None:
    with refused("usage", 2) as found:
        call(jardin, "publsh")
    assert "publsh" in found.value.fr
    with refused("usage", 2) as found:
        call(jardin, "search", query="x")
    assert "query" in found.value.en
    with refused("usage", 2):
        call(jardin, "search", limit="many")


def test_every_verb_refuses_parameters_it_does_not_know(jardin: Node) -> None:
    for verb in VERBS:
        with refused("usage", 2):
            call(jardin, verb, no_such_parameter=1)


def test_the_verbs_that_stream_are_those_that_take_long() -> None:
    assert {"import", "sync", "log_verify", "export"} <= STREAMING


def test_ids_are_shown_whole_and_taken_shortened(two: tuple[Node, Node], arrives: Arrives) -> None:
    jardin, atelier = two
    arrives(atelier, jardin.publish("Une fiche"))
    page = call(atelier, "search", org=jardin.org[: len("org_") + 8])
    assert page["hits"] == [] or page["hits"][0]["org"] == jardin.org
    assert atelier.office.organisation(jardin.org[:12]).organisation.org == jardin.org
    with refused("not_found", 3):
        atelier.office.organisation(org_text(bytes(32))[:12])
