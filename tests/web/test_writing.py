"""What somebody in a session does: publish, correct, declare, answer, report, withdraw, follow, import."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import msgspec
import pytest
from aiohttp import FormData

from mutunode.commons.registry import load
from mutunode.service import shapes
from mutunode.service.epochs import Dropped
from tests.web import catalogue
from tests.web.fake_office import FakeOffice
from tests.web.fake_shelf import org_id
from tests.web.html import faults
from tests.web.site import Page, Site
from tests.web.test_reading import record_of

EXTRA_KIND = """
from mutunode.commons.kind import Choice, Field, Int, Kind, LangText, Option, Section, Sense, Show, Words

NEW, WORN = Option("new", Words("Neuf", "New")), Option("worn", Words("Usé", "Worn"))
NAME = LangText(multiline=False)

KIND = Kind(
    name="tool_lending",
    sense=Sense.AMONT,
    label=Words("Outillage prêté", "Tool lending"),
    plural=Words("Outillages prêtés", "Tool lendings"),
    about=Words("Des outils que l’on prête.", "Tools that are lent."),
    title_field="name",
    sections=(Section("what", Words("Les outils", "The tools")),),
    fields=(
        Field("name", NAME, Words("Nom", "Name"), required=True, section="what", show=Show.LEAD, weight=1.0),
        Field("units", Int(), Words("Combien ?", "How many?"), section="what"),
        Field("state", Choice(options=(NEW, WORN)), Words("État", "State"), section="what"),
    ),
    example={"name": {"fr": "Scie"}, "units": 2},
)
"""


# --- publishing ---


async def test_nothing_is_signed_before_it_was_seen(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    assert "Rien encore." in form.find("section", id="sign").words()
    seen = await desk.submit(
        form, "/publier/resource", "preview", **{"title.fr": "Un titre", "license": "CC-BY-4.0"}
    )
    box = seen.find("section", id="sign").words()
    assert "La Fabrique du Canal , entrée n° 97 de son registre public" in box
    assert "Tout le monde." in box
    assert "Adapter, en citant" in box
    assert 'title.fr = "Un titre"' in box
    assert 'license = "CC-BY-4.0"' in box
    assert desk.office.acts == []
    done = await desk.submit(seen, "/publier/resource", "sign")
    assert desk.office.acts[0][:2] == ("publish", "resource")
    assert done.find("h1").words() == "Un titre"
    assert "Signé : entrée n°" in done.find("p", class_="note said").words()


async def test_what_changed_since_it_was_seen_is_shown_again(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    seen = await desk.submit(form, "/publier/resource", "preview", **{"title.fr": "Un titre"})
    again = await desk.submit(seen, "/publier/resource", "sign", **{"title.fr": "Un autre titre"})
    assert "Pas encore signé." in again.main
    assert 'title.fr = "Un autre titre"' in again.find("section", id="sign").words()
    assert desk.office.acts == []
    await desk.submit(again, "/publier/resource", "sign")
    assert len(desk.office.acts) == 1


async def test_a_button_pressed_twice_signs_once(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    seen = await desk.submit(form, "/publier/resource", "preview", **{"title.fr": "Un titre"})
    pages = await asyncio.gather(*(desk.submit(seen, "/publier/resource", "sign") for _ in range(3)))
    assert len(desk.office.acts) == 1
    assert len({page.address for page in pages}) == 1
    gone_back = await desk.submit(seen, "/publier/resource", "sign")
    assert "rien n’a été signé de nouveau" in gone_back.main
    assert len(desk.office.acts) == 1


async def test_what_was_withdrawn_since_can_be_signed_again(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    seen = await desk.submit(form, "/publier/resource", "preview", **{"title.fr": "Un titre"})
    first = await desk.submit(seen, "/publier/resource", "sign")
    desk.office.find(first.address.rpartition("/")[2]).state = "withdrawn"
    again = await desk.submit(seen, "/publier/resource", "sign")
    assert again.address != first.address


async def test_every_language_of_a_text_is_seen_before_it_is_signed(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    texts = {"title.fr": "Un titre", "title.en": "A title", "abstract.en": "Only in English."}
    seen = await desk.submit(form, "/publier/resource", "preview", **texts)
    told = seen.find("section", id="sign").words().partition("Le texte exact")[0]
    assert "Titre (français) Un titre Titre (anglais) A title" in told
    assert "Only in English." in told


async def test_the_answer_to_a_preview_is_where_the_page_goes(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    button = next(each for each in form.all("button") if each.get("value") == "preview")
    assert button.get("formaction").endswith("#answer")
    wrong = await desk.submit(form, "/publier/resource", "preview", **{"title.fr": ""})
    assert "ce champ est obligatoire" in wrong.find("div", id="answer").words()
    right = await desk.submit(form, "/publier/resource", "preview", **{"title.fr": "Un titre"})
    assert any(each.get("id") == "answer" for each in right.find("section", id="sign").walk())


async def test_a_text_that_is_too_long_comes_back_with_its_form(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    long = "à" * 70_000
    page = await desk.submit(form, "/publier/resource", "preview", **{"title.fr": "T", "abstract.fr": long})
    assert page.find("textarea", id="f-abstract.fr").raw_words() == long
    assert page.find("input", id="f-title.fr").get("value") == "T"


async def test_an_error_keeps_what_was_typed_and_leads_to_its_field(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    typed = {"title.fr": "", "abstract.fr": "Une\npratique <b>", "url": "exemple.org", "keywords": "a, b"}
    page = await desk.submit(form, "/publier/resource", "preview", **typed)
    assert page.status == 400
    summary = page.find("div", role="alert")
    targets = [link.get("href") for link in summary.walk() if link.tag == "a"]
    assert "#f-title" in targets or "#f-title.fr" in targets
    assert "#f-url" in targets
    assert page.find("input", id="f-url").get("value") == "exemple.org"
    assert page.find("input", id="f-url").get("aria-describedby") == "e-url"
    assert page.find("input", id="f-keywords").get("value") == "a, b"
    assert page.find("textarea", id="f-abstract.fr").raw_words() == "Une\npratique <b>"
    assert "rien ne peut être signé en l’état" in page.find("section", id="sign").words()


async def test_a_draft_is_kept_found_again_and_thrown_away(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    kept = await desk.submit(form, "/publier/resource", "draft", **{"title.fr": "À finir", "license": ""})
    assert "Le brouillon est gardé" in kept.main
    assert kept.find("input", id="f-title.fr").get("value") == "À finir"
    drafts = await desk.get("/fr/publier")
    link = next(each for each in drafts.all("a") if each.words() == "À finir")
    again = await desk.get(link.get("href"))
    gone = await desk.submit(again, "/publier/resource", "drop")
    assert "À finir" not in gone.main
    assert desk.office.acts == []


async def test_a_published_draft_is_a_draft_no_more(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    kept = await desk.submit(form, "/publier/resource", "draft", **{"title.fr": "À finir"})
    seen = await desk.submit(kept, "/publier/resource", "preview")
    await desk.submit(seen, "/publier/resource", "sign")
    assert desk.office.drafts == {}


async def test_a_licence_can_be_told_in_full(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    typed = {"title.fr": "T", "license": "+other", "license~other": "Licence de l’atelier"}
    seen = await desk.submit(form, "/publier/resource", "preview", **typed)
    assert 'license = "Licence de l’atelier"' in seen.main
    box = seen.find("input", id="f-license-text")
    assert box.get("value") == "Licence de l’atelier"


async def test_a_version_of_a_record_begins_with_its_source_and_checks_licences(desk: Site) -> None:
    source = record_of(desk.office, "NVDA")
    page = await desk.get(f"/fr/fiche/{source.id}")
    link = next(each for each in page.all("a") if each.words() == "En faire une version")
    form = await desk.get(link.get("href"))
    assert form.find("input", name="based_on.0.ref").get("value") == source.id
    seen = await desk.submit(
        form, "/publier/resource", "preview", **{"title.fr": "Ma version", "license": "CC0-1.0"}
    )
    assert "Licences incompatibles." in seen.find("section", id="sign").words()


async def test_text_can_be_given_in_another_language_too(desk: Site) -> None:
    form = await desk.get("/en/publish/resource")
    typed = {"title.fr": "Un titre", "title.en": "A title"}
    seen = await desk.submit(form, "/publish/resource", "preview", **typed)
    assert 'title.en = "A title"' in seen.main


async def test_the_language_of_a_text_is_told_where_it_is_not_the_pages(desk: Site) -> None:
    english = (await desk.get("/en/publish/resource")).find("label", for_="f-title.fr")
    french = (await desk.get("/fr/publier/resource")).find("label", for_="f-title.fr")
    assert english.words().startswith("Title (French)")
    assert french.words().startswith("Titre Obligatoire.")


async def test_correcting_starts_from_what_stands_and_can_leave_a_field_out(desk: Site) -> None:
    mine = record_of(desk.office, "Adapter un poste")
    form = await desk.get(f"/fr/fiche/{mine.id}/corriger")
    assert form.find("input", id="f-title.fr").get("value") == "Adapter un poste en atelier de tri"
    unchanged = await desk.submit(form, "/corriger", "preview")
    assert "Vous avez déjà signé exactement cela." in unchanged.main
    seen = await desk.submit(form, "/corriger", "preview", **{"title.fr": "Mieux", "abstract.fr": ""})
    done = await desk.submit(seen, "/corriger", "sign")
    assert done.find("h1").words() == "Mieux"
    _, rec, fields = desk.office.acts[0]
    assert (rec, fields["abstract"]) == (mine.id, "")


async def test_nobody_corrects_somebody_elses_record(desk: Site) -> None:
    theirs = record_of(desk.office, "NVDA")
    form = await desk.get(f"/fr/fiche/{theirs.id}/corriger")
    page = await desk.submit(form, "/corriger", "preview")
    assert "n’est pas la vôtre" in page.main
    assert desk.office.acts == []


async def test_a_node_that_cannot_sign_keeps_what_was_typed(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    seen = await desk.submit(form, "/publier/resource", "preview", **{"title.fr": "Un titre"})
    desk.office.read_only = True
    page = await desk.submit(seen, "/publier/resource", "sign")
    assert page.status == 507
    assert page.find("input", id="f-title.fr").get("value") == "Un titre"
    assert "Le disque est plein." in page.find("div", role="alert").words()


async def test_an_unknown_kind_is_no_page(desk: Site) -> None:
    assert (await desk.get("/fr/publier/spaceship")).status == 404


async def test_a_kind_dropped_in_has_its_form_its_page_and_its_facet(desk: Site, tmp_path: Path) -> None:
    (tmp_path / "tool_lending.py").write_text(EXTRA_KIND, "utf-8")
    desk.office.registry_ = load([tmp_path])
    offered = await desk.get("/fr/publier")
    assert "Outillage prêté" in offered.main
    form = await desk.get("/fr/publier/tool_lending")
    assert form.all("input", id="f-units")
    assert form.all("input", name="state", value="worn")
    seen = await desk.submit(
        form, "/publier/tool_lending", "preview", **{"name.fr": "Scie", "units": "2", "state": "worn"}
    )
    assert "En amont · produire et s’assurer ensemble" in seen.find("section", id="sign").words()
    record = await desk.submit(seen, "/publier/tool_lending", "sign")
    assert record.find("h1").words() == "Scie"
    assert "Combien ? 2" in record.main
    assert "État Usé" in record.main
    search = await desk.get("/fr/chercher")
    assert "Outillage prêté" in search.find("form", class_="facets").words()
    api = await desk.get("/api/v1/schema/tool_lending", plain=True)
    assert '"units"' in api.text


async def test_every_kind_has_a_form_that_gives_its_example_back(desk: Site) -> None:
    """What the form of a kind shows of its example is read back as the same body."""
    for name in ("resource", "profile"):
        kind = desk.office.registry_[name]
        example = {key: value for key, value in kind.example.items() if key != "files"}
        draft = await asyncio.to_thread(desk.office.draft_save, "", name, example)
        form = await desk.get(f"/fr/publier/{name}?draft={draft.id}")
        seen = await desk.submit(form, f"/publier/{name}", "preview")
        assert seen.status == 200, seen.main
        done = await desk.submit(seen, f"/publier/{name}", "sign")
        assert done.status == 200
        published = desk.office.entries[-1]
        wanted, problems = kind.from_input(example, language="fr")
        assert problems == []
        assert published.body == wanted


# --- acts about a record ---


async def test_declaring_a_usage_shows_it_before_it_is_signed(desk: Site) -> None:
    sheet = record_of(desk.office, "L’adaptation")
    page = await desk.get(f"/fr/fiche/{sheet.id}")
    seen = await desk.submit(
        page, "/usage", "preview", type="adapted", period="automne 2026", can_help="true"
    )
    assert "Ce qui sera signé" in seen.main
    assert 'type = "adapted"' in seen.main
    assert desk.office.acts == []
    done = await desk.submit(seen, "/usage", "sign")
    assert "votre usage est déclaré" in done.main
    assert "La Fabrique du Canal" in done.find("section", id="usage").words()
    assert desk.office.acts[0][2]["resource"] == sheet.id


async def test_a_usage_without_its_manner_is_asked_again(desk: Site) -> None:
    sheet = record_of(desk.office, "L’adaptation")
    page = await desk.get(f"/en/record/{sheet.id}")
    again = await desk.submit(page, "/usage", "preview", period="2026", **{"purpose.fr": "Pour voir"})
    assert again.status == 400
    assert again.find("select", id="f-type").get("aria-invalid") == "true"
    assert again.find("textarea", id="f-purpose.fr").raw_words() == "Pour voir"


async def test_a_reader_is_not_offered_to_declare(site: Site, office: FakeOffice) -> None:
    page = await site.get(f"/fr/fiche/{record_of(office, 'L’adaptation').id}")
    assert not page.all("form", method="post")


async def _todo(desk: Site) -> Page:
    page = await desk.get("/fr/a-traiter")
    assert "Une demande attend une réponse de La Fabrique du Canal ." in page.main
    return page


@pytest.mark.parametrize(("button", "answer"), [("thanks", "thanks"), ("noted", "noted")])
async def test_answering_shows_it_before_it_is_signed(desk: Site, button: str, answer: str) -> None:
    seen = await desk.submit(await _todo(desk), "/a-traiter", button)
    assert f'answer = "{answer}"' in seen.main
    done = await desk.submit(seen, "/a-traiter", "sign")
    assert "Rien n’attend de réponse." in done.main
    assert "Fait récemment" in done.main
    assert desk.office.acts[0][:2] == ("publish", "usage_answer")


async def test_contesting_asks_why_and_keeps_the_reason(desk: Site) -> None:
    page = await _todo(desk)
    details = page.find(
        "details",
    )
    form = next(each for each in details.walk() if each.tag == "form")
    csrf = next(each for each in form.walk() if each.get("name") == "csrf").get("value")
    rec = next(each for each in form.walk() if each.get("name") == "rec").get("value")
    fields = {"csrf": csrf, "rec": rec, "answer": "contest", "reason": ""}
    again = await desk.post("/fr/a-traiter", fields)
    assert again.status == 400
    seen = await desk.post("/fr/a-traiter", {**fields, "reason": "Ce n’est pas cette fiche."})
    assert "Ce n’est pas cette fiche." in seen.main
    await desk.submit(seen, "/a-traiter", "sign")
    assert desk.office.entries[-1].body["reason"] == {"fr": "Ce n’est pas cette fiche."}


async def test_an_answer_given_elsewhere_meanwhile_is_not_given_twice(desk: Site) -> None:
    page = await _todo(desk)
    seen = await desk.submit(page, "/a-traiter", "thanks")
    await desk.submit(seen, "/a-traiter", "sign")
    late = await desk.submit(seen, "/a-traiter", "sign")
    assert "Une réponse a déjà été donnée" in late.main
    assert len(desk.office.acts) == 1


async def test_reporting_and_withdrawing_are_signed_acts(desk: Site) -> None:
    theirs, mine = record_of(desk.office, "NVDA"), record_of(desk.office, "Adapter un poste")
    for entry, action, typed in (
        (theirs, "/signaler", {"reason": "inaccurate", "note.fr": "Le lien est mort."}),
        (mine, "/retirer", {"reason": "error"}),
    ):
        form = await desk.get(f"/fr/fiche/{entry.id}{action}")
        seen = await desk.submit(form, action, "preview", **typed)
        done = await desk.submit(seen, action, "sign")
        assert done.address.endswith(f"/fr/fiche/{entry.id}")
    assert [act[1] for act in desk.office.acts] == ["flag", "withdrawal"]


# --- erasing ---


async def test_erasing_is_explained_listed_and_signed_twice_over(desk: Site) -> None:
    mine = record_of(desk.office, "Adapter un poste")
    form = await desk.get(f"/fr/fiche/{mine.id}/retirer")
    assert "On ne revient pas en arrière" in form.main
    assert "qui l’a copié le garde" in form.main
    seen = await desk.submit(form, "/retirer", "preview", reason="legal", erase="true")
    assert "Cette version disparaîtra pour toujours" in seen.main
    assert mine.state == "ok", "nothing is done before it is signed"
    done = await desk.submit(seen, "/retirer", "sign")
    assert done.address.endswith(f"/fr/fiche/{mine.id}")
    assert mine.state == "erased"
    assert "les autres organisations l’effacent quand elles se connectent" in done.text
    assert "Effacée par son auteur." in done.main
    again = await desk.get(f"/fr/fiche/{mine.id}/retirer")
    assert again.address.endswith(f"/fr/fiche/{mine.id}"), "there is nothing left to withdraw"


async def test_without_the_box_nothing_is_erased(desk: Site) -> None:
    mine = record_of(desk.office, "Adapter un poste")
    form = await desk.get(f"/en/record/{mine.id}/withdraw")
    seen = await desk.submit(form, "/withdraw", "preview", reason="error")
    assert "gone for good" not in seen.main
    await desk.submit(seen, "/withdraw", "sign")
    assert mine.state == "withdrawn"
    later = await desk.get(f"/en/record/{mine.id}/withdraw")
    assert "Erase “" in later.main
    seen = await desk.submit(later, "/withdraw", "preview", reason="error")
    await desk.submit(seen, "/withdraw", "sign")
    assert mine.state == "erased", "what was withdrawn can be erased later"


async def test_of_several_versions_one_chooses_which_to_erase(desk: Site) -> None:
    first = record_of(desk.office, "Adapter un poste")
    await asyncio.to_thread(desk.office.revise, first.id, {"title": "Adapter un poste, sans le numéro"})
    newest = desk.office.entries[-1]
    form = await desk.get(f"/fr/fiche/{newest.id}/retirer")
    assert "Si vous effacez : quelles versions ?" in form.main
    seen = await desk.submit(form, "/retirer", "preview", reason="legal", erase="true", versions="earlier")
    assert "Restent telles quelles, avec leur contenu" in seen.main
    await desk.submit(seen, "/retirer", "sign")
    assert (first.state, newest.state) == ("erased", "ok")
    page = await desk.get(f"/fr/fiche/{newest.id}")
    assert "(contenu effacé)" in page.main


async def test_what_was_shown_is_what_is_erased(desk: Site) -> None:
    """Somebody changed the choice in the page that asks for the signature."""
    mine = record_of(desk.office, "Adapter un poste")
    form = await desk.get(f"/fr/fiche/{mine.id}/retirer")
    seen = await desk.submit(form, "/retirer", "preview", reason="error")
    shown = await desk.submit(seen, "/retirer", "sign", erase="true")
    assert "Cette version disparaîtra pour toujours" in shown.main
    assert mine.state == "ok"


# --- organisations ---


async def test_following_asks_that_the_words_were_compared(desk: Site) -> None:
    org = org_id("Cyclerie des Deux Rives")
    network = await desk.get("/fr/reseau")
    form = next(each for each in network.all("form", method="get") if org in each.get("action"))
    page = await desk.get(f"{form.get('action')}?address=192.168.1.20:7447")
    assert len(page.find("p", class_="words big-words").words().split()) == 6
    hasty = await desk.submit(page, "/suivre")
    assert hasty.status == 400
    assert "Comparez d’abord les six mots" in hasty.main
    assert desk.office.acts == []
    assert "Recommandation" in hasty.find("section", class_="sign").words()  # what is signed is shown


async def test_following_quietly_signs_nothing(desk: Site) -> None:
    org = org_id(catalogue.RADIO)
    page = await desk.get(f"/fr/organisation/{org}/suivre")
    form = page.find("form", action=f"{desk.prefix}/fr/organisation/{org}/suivre")
    csrf = next(each for each in form.walk() if each.get("name") == "csrf").get("value")
    done = await desk.post(f"/fr/organisation/{org}/suivre", {"csrf": csrf, "compared": "true"})
    assert "Vous suivez cette organisation" in done.main
    assert desk.office.acts == [("accept", org, "", False)]


async def test_following_publicly_signs_what_was_shown(desk: Site) -> None:
    org = org_id(catalogue.RADIO)
    page = await desk.get(f"/fr/organisation/{org}/suivre")
    await desk.submit(page, "/suivre", compared="true")
    assert desk.office.acts == [("accept", org, "", True)]


async def test_a_close_name_is_warned_of_when_following(desk: Site) -> None:
    page = await desk.get(f"/en/organisation/{org_id('Atelier Paserelle')}/follow")
    assert "A very close name." in page.main


@pytest.mark.parametrize(("button", "act"), [("unfollow", "unblock"), ("block", "block")])
async def test_one_can_stop_following_or_block(desk: Site, button: str, act: str) -> None:
    org = org_id(catalogue.RELAIS)
    page = await desk.get(f"/fr/organisation/{org}/ne-plus-suivre")
    csrf = page.find("input", name="csrf").get("value")
    await desk.post(f"/fr/organisation/{org}/ne-plus-suivre", {"csrf": csrf, "do": button})
    assert desk.office.acts == [(act, org)]


async def test_an_address_is_tried_or_told_wrong(desk: Site) -> None:
    page = await desk.get("/fr/reseau")
    wrong = await desk.submit(page, "/reseau/adresse", address="n’importe quoi")
    assert wrong.status == 400
    assert wrong.find("input", id="f-address").get("value") == "n’importe quoi"
    await desk.submit(wrong, "/reseau/adresse", address="commons.example:7447")
    assert desk.office.acts == [("add_peer", "commons.example:7447")]


# --- importing ---

CSV = (
    "Titre;Licence;Lien;Numéro;Remarque\n"
    "Tenir un atelier de tri;CC-BY-4.0;https://a.example/1;a1;interne\n"
    ";CC-BY-4.0;https://a.example/2;a2;sans titre\n"
    "« Guillemets »;inconnue;pas une adresse;a3;\n"
)


async def _upload(desk: Site, name: str, content: bytes, mapping: str = "") -> Page:
    page = await desk.get("/fr/importer")
    form = FormData()
    form.add_field("csrf", page.find("input", name="csrf").get("value"))
    form.add_field("kind", "resource")
    form.add_field("do", "read")
    form.add_field("file", io.BytesIO(content), filename=name, content_type="application/octet-stream")
    if mapping:
        form.add_field("mapping", io.BytesIO(mapping.encode()), filename="mapping.toml")
    return await desk.post("/fr/importer", form)


async def test_a_file_is_looked_at_before_anything_is_signed(desk: Site) -> None:
    page = await _upload(desk, "catalogue.csv", CSV.encode())
    chosen = {
        each.get("name"): option.get("value")
        for each in page.all("select")
        for option in each.walk()
        if option.tag == "option" and option.has("selected")
    }
    assert (chosen["field.0"], chosen["field.1"], chosen["field.2"]) == ("title", "license", "url")
    assert "Tenir un atelier de tri" in page.find("table", class_="fold").words()
    assert "2 lignes qui ne peuvent pas être prises" in page.main
    assert "Ligne 3" in page.main
    assert desk.office.acts == []


async def test_the_good_rows_are_taken_with_the_columns_that_were_chosen(desk: Site) -> None:
    page = await _upload(desk, "catalogue.csv", CSV.encode())
    looked = await desk.submit(page, "/importer", "look", **{"field.3": "external_ref", "field.2": ""})
    assert "Une ligne qui ne peut pas être prise" in looked.main
    done = await desk.submit(looked, "/importer", "take")
    assert "2 nouvelles fiches" in done.main
    assert desk.office.acts == [("import", 2)]
    assert desk.office.entries[-2].body["external_ref"] == "a1"
    again = await desk.submit(looked, "/importer", "take")
    assert "Le fichier n’est plus là." in again.main
    assert len(desk.office.acts) == 1


async def test_rows_without_a_reference_are_said_to_double_when_imported_again(desk: Site) -> None:
    page = await _upload(desk, "catalogue.csv", CSV.encode())
    left_out = await desk.submit(page, "/importer", "look", **{"field.3": ""})
    assert "Aucune colonne ne donne votre référence." in left_out.main
    done = await desk.submit(left_out, "/importer", "take")
    assert "doublerait ces fiches" in done.main
    page = await _upload(desk, "catalogue.csv", CSV.encode())
    told = await desk.submit(page, "/importer", "look", **{"field.3": "external_ref"})
    assert "Aucune colonne ne donne" not in told.main
    assert "ne signerait rien" in (await desk.submit(told, "/importer", "take")).main


async def test_columns_that_are_all_left_out_are_not_read_by_their_names(desk: Site) -> None:
    page = await _upload(desk, "catalogue.csv", b"title,license\nUn titre,CC0-1.0\n")
    nothing = await desk.submit(page, "/importer", "look", **{"field.0": "", "field.1": ""})
    assert "Aucune colonne n’est prise." in nothing.main
    assert "Signer" not in nothing.main


async def test_a_mapping_file_says_what_the_columns_are(desk: Site) -> None:
    rows = b'{"i": "7zip", "l": "LGPL-2.0-only"}\n{"i": "Acceleo", "l": "EPL-2.0"}\n'
    without = await _upload(desk, "sill.jsonl", rows)
    assert "Dites quelle colonne est le titre" in without.main
    page = await _upload(desk, "sill.jsonl", rows, '[fields]\ntitle = "i"\nlicense = "l"\n')
    assert "Les colonnes sont lues comme le dit mapping.toml" in page.main
    done = await desk.submit(page, "/importer", "take")
    assert "2 nouvelles fiches" in done.main
    assert desk.office.entries[-1].body["license"] == "EPL-2.0"
    wrong = await _upload(desk, "sill.jsonl", rows, "fields = ")
    assert "n’est pas valable" in wrong.main


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("catalogue.xlsx", b"PK", "ne dit pas le format"),
        ("vide.csv", b"", "manque ou est vide"),
        ("double.csv", b"a,a\n1,2\n", ""),
        ("latin.csv", "Titre\n\xe9t\xe9\n".encode("latin-1"), ""),
        ("non.jsonl", b"not json\n", ""),
    ],
)
async def test_a_file_that_cannot_be_read_says_why(desk: Site, name: str, content: bytes, says: str) -> None:
    page = await _upload(desk, name, content)
    told = page.main
    assert page.status in (200, 400), told
    assert says in told
    assert ("à corriger" in told) or ("qui ne peut pas être prise" in told), told
    assert desk.office.acts == []


async def test_a_file_too_large_is_told_before_it_is_read(desk: Site) -> None:
    page = await _upload(desk, "grand.csv", b"title\n" + b"x\n" * 5_000_000)
    assert page.status == 413
    assert "mutunode import" in page.main


# --- keys ----------------------------------------------------------------------------------------
PHRASE = (
    "abaisser agréable inductif agréable éligible achat bolide boucle amateur exister dérober bison abrasif "
    "justice écharpe inonder avancer piano adulte cobra papaye anonyme hangar tomate"
)


async def test_the_key_is_changed_in_a_page_that_says_what_it_does(desk: Site) -> None:
    page = await desk.get("/fr/cles")
    assert "perdu ou volé" in page.main
    wrong = await desk.submit(page, "/cles", phrase="un deux", reason="Vol")
    assert wrong.status == 400
    assert faults(wrong.text) == []
    assert "24 mots" in wrong.find("p", id="e-phrase").words()
    assert wrong.find("input", id="f-reason").get("value") == "Vol"
    assert not any(act[0] == "open_epoch" for act in desk.office.acts)
    done = await desk.submit(wrong, "/cles", phrase=PHRASE, reason="Ordinateur volé")
    assert desk.office.acts[-1] == ("open_epoch", "Ordinateur volé")
    assert "Ordinateur volé" in done.main
    assert "abaisser" not in done.text


async def test_what_a_new_start_would_drop_is_told_before_a_phrase_is_typed(desk: Site) -> None:
    desk.office.dropped.append(Dropped("rec_x", 6, "resource", "Le guide des deux machines"))
    page = await desk.get("/en/keys")
    assert "Le guide des deux machines" in page.main
    assert "One entry would leave" in page.main


async def test_what_a_new_start_keeps_and_nobody_has_is_given_up_by_a_person_who_says_so(desk: Site) -> None:
    assert "dernière reprise" not in (await desk.get("/fr/cles")).main
    desk.office.lacking = 15
    page = await desk.get("/fr/cles")
    assert "15 entrées que garde votre dernière reprise ne sont pas sur cet ordinateur" in page.main
    assert "avec 7 entrées, qui sont ici" in page.main
    assert faults(page.text) == []
    await desk.submit(page, "/cles", phrase=PHRASE, reason="Disque perdu")
    assert desk.office.acts[-1] == ("open_epoch", "Disque perdu"), "nothing is given up unsaid"
    await desk.submit(page, "/cles", phrase=PHRASE, reason="Disque perdu", gone="true")
    assert ("open_epoch", "Disque perdu", 7) in desk.office.acts


async def test_the_keys_need_a_session(site: Site) -> None:
    assert (await site.get("/fr/cles")).status == 403


async def test_a_dispute_is_settled_by_the_words_of_a_key(desk: Site) -> None:
    org = org_id(catalogue.PASSERELLE)
    desk.office.disputed.add(org)
    page = await desk.get(f"/fr/organisation/{org}")
    assert "Deux clés se disputent" in page.main
    keys = [each.get("value") for each in page.all("button") if each.get("name") == "key"]
    assert len(keys) == 2
    done = await desk.submit(page, "/trancher", keys[1])
    assert desk.office.acts[-1] == ("follow_key", org, keys[1])
    assert "Deux clés se disputent" not in done.main


async def test_readers_see_a_dispute_and_cannot_settle_it(site: Site) -> None:
    org = org_id(catalogue.PASSERELLE)
    site.office.disputed.add(org)
    page = await site.get(f"/en/organisation/{org}")
    assert "Two keys claim" in page.main
    assert not [each for each in page.all("button") if each.get("name") == "key"]


@pytest.mark.parametrize(
    ("name", "heading", "told"),
    [
        (catalogue.PASSERELLE, "Deux clés se disputent", "six mots de sa clé"),
        (catalogue.FABRIQUE, "Deux clés se disputent votre propre organisation", "quelqu’un a votre phrase"),
    ],
)
async def test_a_dispute_waits_in_the_list_and_is_counted(
    desk: Site, name: str, heading: str, told: str
) -> None:
    before = await desk.get("/fr/reseau")
    desk.office.disputed.add(org_id(name))
    page = await desk.get("/fr/a-traiter")
    assert (heading in page.main, told in page.main) == (True, True)
    assert "À traiter (1)" in before.words
    assert "À traiter (2)" in (await desk.get("/fr/reseau")).words
    way = next(link for link in page.links() if link.endswith(f"/fr/organisation/{org_id(name)}#dispute"))
    there = await desk.get(way.partition("#")[0], plain=True)
    assert there.find("div", id="dispute").words()
    assert ("la clé de cet ordinateur" in there.main) == (name == catalogue.FABRIQUE)


async def test_programs_with_a_session_read_what_waits(desk: Site) -> None:
    desk.office.disputed.add(org_id(catalogue.PASSERELLE))
    listed = msgspec.json.decode((await desk.get("/api/v1/todo")).text, type=shapes.TodoList)
    assert [each.about for each in listed.waiting] == ["dispute", "usage"]
    assert set(listed.waiting[0].text) == {"fr", "en"}


async def test_without_a_session_nobody_reads_what_waits(site: Site) -> None:
    refused = await site.get("/api/v1/todo")
    assert (refused.status, "session_needed" in refused.text) == (403, True)


@pytest.mark.parametrize(("place", "told"), [(0, "signe de nouveau"), (1, "ne signe plus rien")])
async def test_our_own_dispute_is_settled_and_says_what_comes_next(desk: Site, place: int, told: str) -> None:
    org = org_id(catalogue.FABRIQUE)
    desk.office.disputed.add(org)
    page = await desk.get(f"/fr/organisation/{org}")
    keys = [each.get("value") for each in page.all("button") if each.get("name") == "key"]
    assert told in (await desk.submit(page, "/trancher", keys[place])).words


@pytest.mark.parametrize(("address", "told"), [("192.168.1.20:7447", False), ("voisine.example:7447", True)])
async def test_an_address_of_the_local_network_is_not_told_in_public(
    desk: Site, address: str, told: bool
) -> None:
    org = org_id("Cyclerie des Deux Rives")
    page = await desk.get(f"/fr/organisation/{org}/suivre?address={address}")
    signed = page.find("pre").words()
    assert (address in signed) == told
    assert ("reste sur cet ordinateur" in page.main) != told
