"""Settings: what wins over what, and errors that name the setting and where it stood."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutunode.config import FILE_BYTES_MAX, FILE_NAME, ConfigError, load, split_address


def write(home: Path, text: str) -> None:
    (home / FILE_NAME).write_text(text, encoding="utf-8")


def test_a_home_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, {}, {})
    assert settings.web_listen == "127.0.0.1:8420"
    assert settings.peer_listen == "[::]:7447"
    assert settings.lan is True


def test_flags_win_over_the_environment_and_the_environment_over_the_file(tmp_path: Path) -> None:
    write(tmp_path, 'web_listen = "127.0.0.1:1"\npeer_listen = "127.0.0.1:2"\nlanguage = "en"\n')
    environment = {"MUTUNODE_WEB_LISTEN": "127.0.0.1:3", "MUTUNODE_PEER_LISTEN": "127.0.0.1:4"}
    settings = load(tmp_path, environment, {"web_listen": "127.0.0.1:5"})
    assert (settings.web_listen, settings.peer_listen) == ("127.0.0.1:5", "127.0.0.1:4")
    assert settings.language == "en"


def test_lists_and_booleans_come_from_the_environment(tmp_path: Path) -> None:
    settings = load(tmp_path, {"MUTUNODE_SEEDS": "a.example:1 b.example:2", "MUTUNODE_LAN": "0"}, {})
    assert settings.seeds == ("a.example:1", "b.example:2")
    assert settings.lan is False


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('web_listn = "127.0.0.1:1"', "web_listn"),
        ('language = "de"', "language"),
        ("links_max = 0", "links_max"),
        ('web_listen = "somewhere"', "web_listen"),
        ('peer_listen = "127.0.0.1:99999"', "peer_listen"),
        ('lan = "perhaps"', "lan"),
        ("not toml at all", "TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(tmp_path: Path, text: str, named: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, {}, {})
    assert named in str(refused.value)
    assert FILE_NAME in str(refused.value)


def test_a_wrong_variable_is_said_to_come_from_the_environment(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"environment.*links_max"):
        load(tmp_path, {"MUTUNODE_LINKS_MAX": "many"}, {})


def test_a_file_that_is_no_settings_file_is_not_read_whole(tmp_path: Path) -> None:
    write(tmp_path, "#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(ConfigError, match="settings file"):
        load(tmp_path, {}, {})


@pytest.mark.parametrize(
    ("text", "found"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::]:7447", ("::", 7447)), ("localhost:80", ("localhost", 80))],
)
def test_addresses_are_split_into_host_and_port(text: str, found: tuple[str, int]) -> None:
    assert split_address(text, "web_listen") == found


@pytest.mark.parametrize("text", ["::1:80", "127.0.0.1", ":80", "http://a:80", "a:b", "a b:80", "a:70000"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        split_address(text, "web_listen")
