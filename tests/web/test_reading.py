"""The pages everybody may read: search, record, organisation, network, the words."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import msgspec
import pytest

from mutunode.service import shapes
from mutunode.service.readonly import disk_full
from mutunode.web.errors import status_of
from tests.web import catalogue
from tests.web.conftest import MakeSite
from tests.web.fake_office import FakeOffice
from tests.web.fake_shelf import NOW, Entry, org_id
from tests.web.html import Element
from tests.web.site import Site

ACCESSIBILITE = quote("accessibilité")


def record_of(office: FakeOffice, start: str) -> Entry:
    """The resource whose title begins so."""
    return next(
        entry
        for entry in office.entries
        if entry.kind == "resource" and any(text.startswith(start) for text in entry.body["title"].values())
    )


async def test_the_network_tells_our_own_check_words_too(site: Site) -> None:
    page = await site.get("/fr/reseau")
    words = (await asyncio.to_thread(site.office.network)).me.check_words["fr"]
    assert words in page.find("section", id="nearby").words()


# --- the way in ---


async def test_the_root_leads_to_the_search_in_the_readers_language(site: Site) -> None:
    for accepted, address in (
        ("en-GB,en;q=0.9", "/en/search"),
        ("fr", "/fr/chercher"),
        ("de", "/fr/chercher"),
    ):
        page = await site.get("/", {"Accept-Language": accepted})
        assert page.address == address


async def test_a_page_that_does_not_exist_says_what_to_do(site: Site) -> None:
    page = await site.get("/fr/nulle-part")
    assert page.status == 404
    assert "Cette page n’existe pas" in page.find("h1").words()
    assert page.find("main").words().count("Chercher")


# --- search ---


async def test_an_empty_search_lists_everything_newest_first(site: Site) -> None:
    page = await site.get("/fr/chercher")
    assert page.all("h3")[0].words() == "Adapter un poste en atelier de tri"
    shown = sum(entry.kind in ("resource", "profile") for entry in site.office.entries)
    assert f"{shown} réponses" in page.main


async def test_answers_say_their_sense_source_licence_and_usage(site: Site) -> None:
    page = await site.get("/fr/chercher?q=sant%C3%A9")
    card = next(each for each in page.all("article") if "L’adaptation" in each.words())
    assert "En aval · partager l’existant" in card.words()
    assert "Versé par Relais Ressources Loire" in card.words()
    assert "d’après Ministère du Travail" in card.words()
    assert "Apache 2.0 · adapter, en citant" in card.words()
    assert "3 organisations, dont 1 confirmée" in card.words()


async def test_what_was_looked_for_is_marked(site: Site) -> None:
    page = await site.get(f"/fr/chercher?q={ACCESSIBILITE}")
    assert "accessibilité" in {mark.words() for mark in page.all("mark")}


async def test_facets_stand_in_the_address_and_can_be_taken_off(site: Site) -> None:
    org = org_id(catalogue.RELAIS)
    page = await site.get(f"/fr/chercher?q={ACCESSIBILITE}&license=credit&org={org}")
    assert len(page.all("article")) == 2
    boxes = {box.get("value") for box in page.all("input", type="checkbox") if box.has("checked")}
    assert boxes == {"credit", org}
    without = next(link for link in page.all("a") if "retirer ce filtre" in link.words())
    assert "license" not in without.get("href") or "org" not in without.get("href")
    assert f"q={ACCESSIBILITE}" in without.get("href")


async def test_a_door_opens_its_sense_and_closes_it_again(site: Site) -> None:
    page = await site.get("/en/search?q=nvda")
    door = page.find("a", class_="aval")
    opened = await site.get(door.get("href"))
    assert "sense=aval" in opened.address
    assert "sense" not in opened.find("a", class_="aval").get("href")


async def test_results_can_be_leafed_through(site: Site) -> None:
    first = await site.get("/fr/chercher")
    second = await site.get(first.find("a", rel="next").get("href"))
    assert "Réponses 11 à 20" in second.main
    assert second.all("a", rel="prev")
    beyond = await site.get("/fr/chercher?page=999999")
    last = await site.get(beyond.find("a", rel="prev").get("href"))
    assert beyond.all("article"), "where there is no such page, the last one is shown"
    assert (await site.get(last.find("a", rel="next").get("href"))).main == beyond.main


async def test_beside_a_kind_stands_what_choosing_it_finds(
    site: Site, office: FakeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = office.search

    def search(*args: object, **given: object) -> shapes.SearchAnswer:
        answer = searched(*args, **given)  # type: ignore[arg-type]
        counts = {"kind": {"resource": 7, "means": 2}, "nature": {"software": 4, "resource": 3, "means": 2}}
        return msgspec.structs.replace(answer, facets={**answer.facets, **counts})

    monkeypatch.setattr(office, "search", search)
    page = await site.get("/en/search?q=nvda")
    boxes = [label for label in page.all("label", class_="choice") if label.get("for").startswith("kind-")]
    assert [box.words().split()[-1] for box in boxes] == ["7", "4", "2"]


async def test_nothing_found_offers_only_what_finds_something(site: Site) -> None:
    page = await site.get(f"/fr/chercher?q=zzzz+{ACCESSIBILITE}&sense=amont")
    assert "Aucune réponse" in page.main
    wider = [link for link in page.find("section", class_="section").walk() if link.tag == "a"]
    for link in wider:
        assert "Aucune réponse" not in (await site.get(link.get("href"))).main
    assert any(link.words() == "accessibilité" for link in wider)
    assert "Une organisation n’a pas donné de nouvelles" in page.main


async def test_nothing_found_is_said_of_what_was_asked(site: Site) -> None:
    assert (
        "Aucune réponse pour tous ces mots à la fois, dans" in (await site.get("/fr/chercher?q=zzzz+y")).main
    )
    assert "Aucune réponse dans" in (await site.get("/fr/chercher?q=zzzz")).main, "one word is not several"
    filtered = (await site.get("/fr/chercher?license=zzzz")).main
    assert "Aucune réponse dans" in filtered
    assert "Rien ici pour le moment" not in filtered, "there is something, outside of the filter"


async def test_figures_are_written_alike_all_over_the_page(
    site: Site, office: FakeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = office.search

    def search(*args: object, **given: object) -> shapes.SearchAnswer:
        return msgspec.structs.replace(searched(*args, **given), total=5_080)  # type: ignore[arg-type]

    monkeypatch.setattr(office, "search", search)
    assert "5\u202f080 réponses" in (await site.get("/fr/chercher?q=nvda")).text
    assert "5,080 results" in (await site.get("/en/search?q=nvda")).text


async def test_the_order_stands_in_the_address_and_stays_while_one_refines(site: Site) -> None:
    page = await site.get(f"/fr/chercher?q={ACCESSIBILITE}&sort=usage")
    orders = [each for each in page.find("nav", class_="sorts").walk() if each.tag == "a"]
    assert [link.words() for link in orders] == [
        *["Les plus proches d’abord", "Les plus récentes d’abord", "Les plus utilisées d’abord"]
    ]
    assert [link.get("aria-current") for link in orders] == ["", "", "true"]
    assert "sort" not in orders[0].get("href")
    assert "sort=date" in orders[1].get("href")
    kept = {field.get("value") for field in page.all("input", type="hidden") if field.get("name") == "sort"}
    assert kept == {"usage"}
    assert (await site.get("/fr/chercher?sort=colour")).status == 200


async def test_what_helped_a_search_is_said(site: Site, office: FakeOffice) -> None:
    office.answered = {"loose": True, "meant": {"nvdaa": ("nvda",)}, "instead": "nvda <b>"}
    page = await site.get("/fr/chercher?q=nvda")
    assert "Aucune fiche ne contient tous ces mots" in page.main
    assert "s’en approche" not in page.main, "one excuse at a time"
    office.answered["loose"] = False
    page = await site.get("/fr/chercher?q=nvda")
    assert "voici ce qui s’en approche." in page.main
    [link] = [link for link in page.all("a") if link.words() == "Chercher « nvda <b> »"]
    assert "q=nvda+%3Cb%3E" in link.get("href")


async def test_other_organisations_records_of_one_thing_stand_under_its_card(
    site: Site, office: FakeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = office.search

    def search(*args: object, **given: object) -> shapes.SearchAnswer:
        answer = searched(*args, **given)  # type: ignore[arg-type]
        other = shapes.Other(id="rec_x", title="La même", org="org_x", org_name="Une <autre>")
        first = msgspec.structs.replace(answer.hits[0], others=(other,))
        return msgspec.structs.replace(answer, hits=(first, *answer.hits[1:]))

    monkeypatch.setattr(office, "search", search)
    page = await site.get("/fr/chercher?q=nvda")
    card = page.all("article")[0]
    assert "Aussi partagé par Une <autre>" in card.words()
    assert any(link.get("href").endswith("rec_x") for link in card.walk() if link.tag == "a")


async def test_an_empty_node_says_how_to_begin(make_site: MakeSite, office: FakeOffice) -> None:
    office.entries.clear()
    page = await (await make_site()).get("/fr/chercher")
    assert "Rien ici pour le moment" in page.main
    assert "Publiez une première fiche" in page.main


@pytest.mark.parametrize(
    "query",
    ["q=%00", "q=" + "x" * 5_000, "page=-1", "page=²", "page=" + "9" * 5_000, "sense=x", "org=%3Cscript%3E"],
)
async def test_a_strange_search_is_answered(site: Site, query: str) -> None:
    page = await site.get(f"/fr/chercher?{query}")
    assert page.status == 200
    assert "<script>" not in page.text


# --- record ---


async def test_a_record_answers_first(site: Site, office: FakeOffice) -> None:
    page = await site.get(f"/fr/fiche/{record_of(office, 'L’adaptation').id}")
    facts = page.find("dl", class_="facts").words()
    assert "Vous pouvez Adapter, en citant" in facts
    assert "3 organisations" in facts
    assert "Peut aider 1 organisation" in facts
    assert "Preuve vérifiée" in facts
    assert page.find("p", class_="lede").words().startswith("Vous êtes employeur")
    assert page.find("h2").words() == "En quoi consistent les aménagements possibles ?"


async def test_usages_are_never_added_up_with_contested_ones(site: Site, office: FakeOffice) -> None:
    page = await site.get(f"/fr/fiche/{record_of(office, 'L’adaptation').id}")
    usage = page.find("section", id="usage").words()
    assert "3 organisations l’ont dit. L’auteur a confirmé 1 de ces usages." in usage
    assert "Un autre est contesté et ne compte pas." in usage
    assert "Ce n’est pas cette fiche." in usage


async def test_the_family_tree_is_drawn_and_written(site: Site, office: FakeOffice) -> None:
    source, version = record_of(office, "L’adaptation"), record_of(office, "Adapter un poste")
    for entry, place in ((source, 1), (version, 2)):
        page = await site.get(f"/fr/fiche/{entry.id}")
        picture = page.find("section", id="family")
        assert len([each for each in picture.walk() if each.tag == "circle"]) == 2
        items = [each for each in picture.find("ol", "tree").children if isinstance(each, Element)]
        assert "vous êtes ici" in items[place - 1].words()
        assert "Exemples de bacs et de hauteurs de table" in picture.words()


async def test_a_licence_check_is_told(site: Site, office: FakeOffice) -> None:
    source = record_of(office, "NVDA")
    version = office.add(
        catalogue.FABRIQUE,
        "resource",
        {"title": "Lecteur", "license": "CC0-1.0", "based_on": [{"ref": source.id}]},
        NOW,
    )
    page = await site.get(f"/fr/fiche/{version.id}")
    assert "Licences incompatibles." in page.find("section", id="family").words()


async def test_a_shortened_id_leads_to_the_permanent_address(site: Site, office: FakeOffice) -> None:
    entry = record_of(office, "NVDA")
    page = await site.get(f"/en/record/{entry.id[:16]}")
    assert page.address == f"/en/record/{entry.id}"
    assert page.find("link", rel="canonical").get("href") == f"/en/record/{entry.id}"


async def test_an_unknown_record_says_what_to_do(site: Site) -> None:
    page = await site.get("/fr/fiche/rec_" + "a" * 52)
    assert page.status == 404
    assert "Rien ici ne porte l’identifiant" in page.main


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("withdrawn", "Retirée par son auteur."),
        ("erased", "Effacée par son auteur."),
        ("missing", "Données attendues."),
        ("opaque", "Cette fiche ne peut pas être lue ici."),
        ("retracted", "Ne fait plus partie du registre."),
        ("contested", "a signé deux registres qui se contredisent"),
    ],
)
async def test_every_state_of_a_record_is_told(site: Site, office: FakeOffice, state: str, says: str) -> None:
    entry = record_of(office, "NVDA")
    entry.state = state
    page = await site.get(f"/fr/fiche/{entry.id}")
    assert page.status == 200
    assert says in page.main


async def test_an_older_version_leads_to_the_newest(site: Site, office: FakeOffice) -> None:
    entry = record_of(office, "Adapter un poste")
    office.own_name = catalogue.FABRIQUE
    entry.superseded = True
    newer = office.add(catalogue.FABRIQUE, "resource", catalogue.VERSION, NOW)
    newer.body["supersedes"] = entry.ref
    page = await site.get(f"/fr/fiche/{entry.id}")
    assert "C’est une version précédente." in page.main
    assert f"/fr/fiche/{newer.id}" in page.links()


async def test_text_in_another_language_says_so(site: Site, office: FakeOffice) -> None:
    page = await site.get(f"/fr/fiche/{record_of(office, 'القاعدة').id}")
    title = page.find("h1")
    assert (title.get("lang"), title.get("dir")) == ("ar", "auto")
    assert "Texte en arabe." in page.main


async def test_the_proof_stands_on_a_page_of_its_own(site: Site, office: FakeOffice) -> None:
    entry = record_of(office, "NVDA")
    page = await site.get(f"/fr/fiche/{entry.id}")
    assert "SHA-256" not in page.words
    proof = await site.get(f"/fr/fiche/{entry.id}/preuve")
    assert "SHA-256" in proof.words
    assert entry.id in proof.words
    assert "Emporter la preuve" in proof.words
    assert f"mutunode prove {entry.id}" in proof.words, "readers without a session see the command"
    assert f"/fr/fiche/{entry.id}/preuve/fichier" not in proof.links()


async def test_the_way_back_leads_to_the_search_one_came_from(site: Site, office: FakeOffice) -> None:
    entry = record_of(office, "NVDA")
    here = f"http://127.0.0.1:{site.client.port}"
    page = await site.get(f"/fr/fiche/{entry.id}", {"Referer": f"{here}/fr/chercher?q=nvda&page=2"})
    crumb = page.find("p", class_="crumb")
    assert "« nvda »" in crumb.words()
    elsewhere = await site.get(f"/fr/fiche/{entry.id}", {"Referer": "http://evil.test/fr/chercher?q=nvda"})
    assert not elsewhere.all("p", class_="crumb")


async def test_names_cannot_deceive(site: Site, office: FakeOffice) -> None:
    entry = record_of(office, "NVDA")
    entry.body["title"] = {"fr": "facture\u202efdp.exe <b>x</b>\x00"}
    page = await site.get(f"/fr/fiche/{entry.id}")
    assert page.find("h1").words() == "facture⟨U+202E⟩fdp.exe <b>x</b>⟨U+0000⟩"
    assert "\u202e" not in page.text


# --- organisation, network ---


async def test_an_organisation_shows_its_posture_first(site: Site) -> None:
    page = await site.get(f"/fr/organisation/{org_id(catalogue.PASSERELLE)}")
    assert page.all("h2")[0].words() == "Ce qu’elle veut bien, ce qu’elle ne souhaite pas"
    posture = page.find("div", class_="posture").words()
    assert "Partage une sélection de ses travaux" in posture
    assert "Ne s’assure pas avec d’autres pour le moment" in posture
    assert "Travaille en français, arabe et anglais." in page.main
    assert "traduite" in page.main


async def test_an_organisation_without_a_profile_is_not_judged(site: Site) -> None:
    page = await site.get(f"/en/organisation/{org_id(catalogue.RADIO)}")
    assert "Nothing may be concluded from that." in page.main


async def test_the_network_is_drawn_with_a_table_that_says_the_same(site: Site) -> None:
    page = await site.get("/fr/reseau")
    drawn = {each.words() for each in page.all("text")} - {"Vous"}
    rows = [each.words() for each in page.all("span", class_="num-dot")]
    assert sorted(drawn) == sorted(rows)
    assert "3 voisines dessinées sur 5 sont joignables." in page.main
    assert "4 organisations gardent tout ce que vous avez publié" in page.main


async def test_those_nearby_show_their_words_and_a_warning(site: Site) -> None:
    nearby = (await site.get("/fr/reseau")).find("section", id="nearby").words()
    assert "Cyclerie des Deux Rives" in nearby
    assert "Nom très proche. Vous connaissez déjà « Atelier Passerelle », et ce n’est pas elle." in nearby


async def test_a_large_network_is_leafed_through(site: Site, office: FakeOffice) -> None:
    for number in range(250):
        office.add(f"Organisation {number}", "resource", {"title": "x"}, NOW)
    page = await site.get("/fr/reseau")
    assert "1 à 100 sur 255" in page.main
    assert len(page.text) < 60_000
    last = await site.get("/fr/reseau?page=3")
    assert "201 à 255 sur 255" in last.main


async def test_a_node_alone_says_how_to_meet_others(make_site: MakeSite, office: FakeOffice) -> None:
    office.entries.clear()
    page = await (await make_site()).get("/fr/reseau")
    assert "Personne d’autre n’est encore connu ici." in page.main
    assert "cet ordinateur en a la seule copie" in page.main


async def test_a_node_that_cannot_sign_says_so_on_every_page(site: Site, office: FakeOffice) -> None:
    office.read_only = True
    page = await site.get("/fr/mots")
    assert "Rien ne peut être publié pour le moment. Le disque est plein." in page.main


async def test_the_words_page_tells_the_two_senses_apart(site: Site) -> None:
    page = await site.get("/fr/mots")
    assert page.all("svg", role="img")
    assert "En amont · produire et s’assurer ensemble" in page.main
    assert "Fiche" in page.main  # kinds come from their declarations


async def test_members_take_the_proof_along_as_a_file(make_site: MakeSite, office: FakeOffice) -> None:
    entry = record_of(office, "NVDA")
    desk = await make_site()
    await desk.log_in()
    page = await desk.get(f"/fr/fiche/{entry.id}/preuve")
    [link] = [each for each in page.links() if each.endswith("/preuve/fichier")]
    answer = await desk.client.get(link)
    assert answer.status == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{entry.id}.tlog-proof"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await answer.read()) == (await asyncio.to_thread(office.prove, entry.id)).proof.encode()
    outside = await desk.client.get(f"/fr/fiche/{entry.id}/preuve/fichier")
    assert outside.status == 403, "it asks neighbours to sign: for members"


def test_a_full_disk_is_insufficient_storage() -> None:
    assert status_of(disk_full()) == 507
