"""The fake office and other organisations: who is accepted, invited, disputed; keys; what is to be done."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from mutunode.protocol import ids
from mutunode.service import phrases, shapes
from mutunode.service.disputes import WHAT_TO_DO, Followed
from mutunode.service.epochs import Epoch
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.keys import EpochLine, KeysShown, Root
from mutunode.service.params import Emit
from tests.web import catalogue
from tests.web.fake_reading import FakeReading, title_of
from tests.web.fake_shelf import DAY, HOUR, MINUTE, NOW, not_on_the_loop, org_id

WORDS = "abeille barrage citoyen cuisine aurore coton balcon citerne avenir bougie cuivre colline".split()


def check_words(name: str) -> dict[str, str]:
    """Six words of a name."""
    picks = hashlib.sha256(name.encode()).digest()
    words = " ".join(WORDS[byte % len(WORDS)] for byte in picks[:6])
    return {"fr": words, "en": words}


LINK = "mutunode://invite/1?org=org_a&key=b&token=c&until=1&at=192.168.1.2:7447&name=La+Fabrique"


def left_by_strangers() -> list[shapes.Todo]:
    """What somebody unknown brought: an invitation for us alone, and something nobody can read."""
    invitation = shapes.Todo(
        id="rec_" + "i" * 52,
        kind="peer",
        sense="",
        org=org_id(catalogue.PASSERELLE),
        org_name=catalogue.PASSERELLE,
        time=NOW - HOUR,
        title="Invitation",
        target="",
        type="",
        text={"fr": "Parlons vélo"},
        private=True,
        stranger=True,
        about="invite",
        check_words=check_words(catalogue.PASSERELLE),
    )
    message = msgspec.structs.replace(
        invitation, id="rec_" + "m" * 52, text={}, about="message", similar_to=catalogue.RELAIS
    )
    return [invitation, message]


class FakePeople(FakeReading):
    """Organisations, and what waits for a person."""

    def organisation(self, org: str, reader_language: str = "") -> shapes.OrganisationPage:
        not_on_the_loop()
        name = self._name(org)
        mine = [entry for entry in self.entries if entry.author == name]
        profile = next((entry for entry in reversed(mine) if entry.kind == "profile"), None)
        hits = [
            hit
            for entry in reversed(mine)
            if entry.kind == "resource" and (hit := self._hit(entry, "", reader_language))
        ]
        uses = [entry for entry in mine if entry.kind == "usage"]
        used = {entry.id: self._by_ref(entry.body["resource"]) for entry in uses}
        return shapes.OrganisationPage(
            organisation=self._organisation(name),
            profile=self.registry_["profile"].to_json(profile.body) if profile else {},
            profile_id=profile.id if profile else "",
            resources=tuple(hits[:12]),
            total_resources=len(hits),
            uses=tuple(self._usage_line(entry) for entry in uses[:12]),
            used_titles={rec: title_of(self.registry_, entry) for rec, entry in used.items()},
            used_ids={rec: entry.id for rec, entry in used.items()},
            epoch=0,
            epochs=(self._branch("key_" + "e" * 52, "Ordinateur volé"),) if org in self.disputed else (),
            rivals=(self._branch("key_" + "f" * 52, ""),) if org in self.disputed else (),
            to_decide=org in self.disputed,
            key_here="key_" + "e" * 52 if name == self.own_name else "",
        )

    def network(self) -> shapes.Network:
        not_on_the_loop()
        others = [self._organisation(name) for name in self._authors() if name != self.own_name]
        return shapes.Network(
            me=self._organisation(self.own_name),
            organisations=tuple(sorted(others, key=lambda each: (each.stance != "accepted", each.name))),
            nearby=(
                shapes.Nearby(
                    org_id("Cyclerie des Deux Rives"), "192.168.1.20:7447", NOW - 2 * MINUTE,
                    "Cyclerie des Deux Rives", check_words("Cyclerie"),
                ),
                shapes.Nearby(
                    org_id("Atelier Paserelle"), "192.168.1.21:7447", NOW - HOUR, "Atelier Paserelle",
                    check_words("Paserelle"), similar_to=catalogue.PASSERELLE,
                ),
            ),
            holders=4 if others else 0,
            reachable=sum(each.connected for each in others),
            now=NOW,
            reach=shapes.Reach(
                "relayed", (catalogue.PASSERELLE,), 1,
                f"Non joignable, sans gravité tant que {catalogue.PASSERELLE} vous relaie.",
                f"Not reachable, no matter as long as {catalogue.PASSERELLE} relays for you.",
            ),
        )  # fmt: skip

    def todo(self, reader_language: str = "") -> shapes.TodoList:
        not_on_the_loop()
        waiting: list[shapes.Todo] = []
        done: list[shapes.Todo] = []
        for entry in self.entries:
            resource = self._by_ref(entry.body["resource"]) if entry.kind == "usage" else None
            if resource is None or resource.author != self.own_name:
                continue
            todo = shapes.Todo(
                id=entry.id,
                kind="usage_answer",
                sense="aval",
                org=org_id(entry.author),
                org_name=entry.author,
                time=entry.time,
                title=title_of(self.registry_, resource),
                target=resource.id,
                type=entry.body["type"],
                period=entry.body["period"],
                text=entry.body.get("experience", {}),
                can_help=entry.body.get("can_help", False),
            )
            (done if self._answer_to(entry) else waiting).append(todo)
        disputes = tuple(self._dispute(name) for name in self._authors() if org_id(name) in self.disputed)
        return shapes.TodoList((*disputes, *waiting, *self.left), (), tuple(done))

    def _dispute(self, name: str) -> shapes.Todo:
        why = "ours" if name == self.own_name else "tied"
        return shapes.Todo(
            id=org_id(name),
            kind="decision",
            sense="",
            org=org_id(name),
            org_name=name,
            time=NOW - HOUR,
            title="",
            target="",
            type=why,
            text=WHAT_TO_DO[why].as_map(),
            about="dispute",
        )

    def status(self) -> shapes.Status:
        not_on_the_loop()
        return shapes.Status(
            org=org_id(self.own_name),
            name=self.own_name,
            epoch=0,
            logs={
                "public": {"log": ids.log_text(bytes(32)), "size": 96, "root": "", "signed_at": NOW - HOUR}
            },
            organisations=len(self._authors()),
            records=len(self.entries),
            peers=(),
            version="0.0",
            web="http://127.0.0.1:8420",
            peer="[::]:7447",
            read_only=self.read_only,
            read_only_reason={"fr": "Le disque est plein.", "en": "The disk is full."}
            if self.read_only
            else {},
        )

    def accept(self, org: str, address: str = "", vouch: bool = False, listed: bool = True) -> Any:
        not_on_the_loop()
        self.stances[org] = "accepted"
        self.acts.append(("accept", org, address, vouch))

    def follow_key(self, org: str, key: str) -> Followed:
        not_on_the_loop()
        assert ids.parse(org, "org")
        self.acts.append(("follow_key", org, key))
        self.disputed.discard(org)
        ours = org == org_id(self.own_name)
        return Followed(org, self.own_name, 1, key, False, ours, ours and key == "key_" + "e" * 52)

    def key_show(self) -> KeysShown:
        not_on_the_loop()
        return KeysShown(
            org=org_id(self.own_name),
            name=self.own_name,
            log=self.status().logs["public"]["log"],
            check_words=check_words(self.own_name),
            epoch=len(self.epochs),
            operating="key_" + "a" * 52,
            key_words=check_words("operating"),
            operating_here="key_" + "a" * 52,
            words_here=check_words("operating"),
            current=True,
            disputed=False,
            roots=(Root("root_" + "b" * 52, 1, 0),),
            sealing_epochs=(0,),
            wrapped=False,
            epochs=tuple(self.epochs),
            rivals=(),
        )

    def foresee_epoch(self) -> Epoch:
        not_on_the_loop()
        return self._epoch("", opened=False)

    def open_epoch(
        self, phrase: str, reason: str = "", base: int | None = None, dry_run: bool = False
    ) -> Epoch:
        not_on_the_loop()
        assert not dry_run
        phrases.read(phrase)
        self.acts.append(("open_epoch", reason) if base is None else ("open_epoch", reason, base))
        operating, seen = "key_" + "c" * 52, NOW
        line = EpochLine(1, reason, 7, operating, check_words("next"), "root_" + "b" * 52, 1, seen)
        self.epochs.insert(0, line)
        return self._epoch(reason, opened=True)

    def _epoch(self, reason: str, *, opened: bool) -> Epoch:
        gone = tuple(self.dropped)
        return Epoch(
            org=org_id(self.own_name),
            epoch=1,
            reason=reason,
            base=7 - len(gone),
            size=7,
            dropped=len(gone),
            dropped_records=gone,
            operating="key_" + "c" * 52 if opened else "",
            roots=("root_" + "b" * 52,),
            opened=opened,
            lacking=self.lacking,
        )

    def _branch(self, key: str, reason: str) -> dict[str, Any]:
        line = EpochLine(1, reason, 3, key, check_words(key), "root_" + "d" * 52, 1, NOW - DAY)
        return dict(msgspec.to_builtins(line))

    def block(self, org: str) -> Any:
        not_on_the_loop()
        self.stances[org] = "blocked"
        self.acts.append(("block", org))

    def unblock(self, org: str) -> Any:
        not_on_the_loop()
        self.stances[org] = ""
        self.acts.append(("unblock", org))

    def invitation(
        self, addresses: tuple[str, ...] = (), days: int = 7, follows: bool = True, note: str = ""
    ) -> shapes.InvitationMade:
        not_on_the_loop()
        for address in addresses:
            if ":" not in address:
                fr, en = f"« {address} » n’est pas une adresse.", f"“{address}” is not an address."
                raise Refusal("bad_address", Exit.USAGE, fr, en, (Trouble("address", fr, en),))
        self.acts.append(("invitation", addresses, days, follows, note))
        self.invited.insert(
            0,
            shapes.InvitationLine(f"inv_{len(self.invited)}", "open", NOW, NOW + days * DAY, follows, note),
        )
        return shapes.InvitationMade(
            "inv_0", LINK, NOW + days * DAY, follows, addresses or ("192.168.1.2:7447",)
        )

    def invitations(self) -> tuple[shapes.InvitationLine, ...]:
        not_on_the_loop()
        return tuple(self.invited)

    def revoke_invitation(self, id: str) -> shapes.InvitationLine:
        not_on_the_loop()
        self.acts.append(("revoke", id))
        return self.invited[0]

    def read_invitation(self, link: str) -> shapes.LinkRead:
        not_on_the_loop()
        if not link.startswith("mutunode://"):
            fr, en = "Ce n’est pas une invitation entière.", "This is not a whole invitation."
            raise Refusal("not_an_invitation", Exit.USAGE, fr, en, (Trouble("link", fr, en),))
        return shapes.LinkRead(
            org=org_id(catalogue.PASSERELLE),
            name=catalogue.PASSERELLE,
            check_words=check_words(catalogue.PASSERELLE),
            addresses=("192.168.1.9:7447",),
            expires_at=NOW + DAY,
            expired=False,
            ours=False,
            accepted=False,
            blocked=False,
            similar_to="",
        )

    def take_up(self, link: str, wait_seconds: float = 15.0) -> shapes.TakenUp:
        not_on_the_loop()
        if "used" in link:
            raise Refusal("invitation_used", Exit.REFUSED, "Elle a déjà servi.", "It was used already.")
        self.acts.append(("take_up", link))
        return shapes.TakenUp(self._organisation(catalogue.PASSERELLE), "", "taken")

    def add_peer(self, address: str) -> Any:
        not_on_the_loop()
        if ":" not in address:
            fr, en = f"« {address} » n’est pas une adresse.", f"“{address}” is not an address."
            raise Refusal("bad_address", Exit.USAGE, fr, en, (Trouble("address", fr, en),))
        self.acts.append(("add_peer", address))

    def sync(self, wait: int, timeout: float, emit: Emit) -> Any:
        not_on_the_loop()
        self.acts.append(("sync", wait))

    def _organisation(self, name: str) -> shapes.Organisation:
        known = self._authors()
        place = min(known.index(name), 9) if name in known else 9
        heard = (
            NOW
            - (4 * MINUTE, 11 * MINUTE, 26 * MINUTE, 5 * HOUR, 20 * HOUR, 9 * DAY, 9 * DAY, 0, 0, 0)[place]
        )
        known_by = (catalogue.RELAIS,) if place >= 5 else ()
        return shapes.Organisation(
            org=org_id(name),
            name=name,
            me=name == self.own_name,
            disputed=org_id(name) in self.disputed,
            stance=self.stances.get(org_id(name), "accepted" if 0 < place < 5 else ""),
            records=sum(entry.author == name for entry in self.entries),
            by_sense={
                "aval": sum(entry.author == name and entry.kind == "resource" for entry in self.entries)
            },
            heard_at=heard,
            signed_at=heard,
            connected=place in (1, 2, 3),
            address="192.168.1.2:7447",
            known_by=known_by,
            check_words=check_words(name),
            similar_to=catalogue.PASSERELLE if name == "Atelier Paserelle" else "",
            silent=place >= 5,
            holds_mine=place in (1, 2, 3, 4),
        )
