"""An invitation's link: what is written is read again, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol.crypto import sealing_public_of
from mutunode.protocol.invitation import TOKEN, token_text
from mutunode.service.errors import Refusal
from mutunode.service.inviting import LINK_LENGTH_MAX, SCHEME, Link, parse_link, write_link

addresses = st.sampled_from(
    ["192.168.1.20:7447", "[2001:db8::1]:7447", "wss://commons.example", "a.example:1"]
)
names = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=60)


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 10**11),
    st.lists(addresses, min_size=1, max_size=8),
    names,
)
def test_what_is_written_is_read_again(
    org: bytes, seed: bytes, token: bytes, until: int, at: list[str], name: str
) -> None:
    text = token_text(token)
    assert TOKEN.fullmatch(text)
    link = Link(org, sealing_public_of(seed), text, until, tuple(at), name)
    written = write_link(link)
    assert len(written) <= LINK_LENGTH_MAX
    assert parse_link(f"\n {written[:50]}\r\n{written[50:]} ") == link


@given(st.text(max_size=300))
def test_anything_else_is_refused_and_breaks_nothing(text: str) -> None:
    for given_text in (text, SCHEME + text, f"{SCHEME}org={text}&key={text}&token={text}&until=1&at=a:1"):
        with pytest.raises(Refusal) as refused:
            parse_link(given_text)
        assert refused.value.code == "not_an_invitation"
