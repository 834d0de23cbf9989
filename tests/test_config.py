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
    ("text", "fr", "en"),
    [
        ('web_listn = "127.0.0.1:1"', "pensiez-vous à « web_listen » ?", "did you mean `web_listen`?"),
        ('zzz = "1"', "Les réglages sont : peer_listen, web_listen", "The settings are: peer_listen"),
        ('language = "de"', '« language » vaut "de" ; il faut "" ou "en" ou "fr".', '"" or "en" or "fr".'),
        ('reading = "all"', 'il faut "here" ou "premises".', 'expected "here" or "premises".'),
        ("links_max = 0", "un nombre entier de 1 à 1024", "a whole number from 1 to 1024"),
        ("fetch_file_mb = -1", "un nombre entier, 0 au moins", "a whole number, at least 0"),
        ('web_listen = "somewhere"', "« web_listen »", "`web_listen`"),
        ('peer_listen = "127.0.0.1:99999"', "HÔTE:PORT", "HOST:PORT"),
        ('lan = "perhaps"', "il faut true ou false", "expected true or false"),
        ("web_listen = 8420", "un texte entre guillemets", "a text between quotation marks"),
        ('seeds = "a.example:1"', 'une liste de textes : ["…", "…"]', "a list of texts"),
        ('blobs = "/mnt/files"', "folder://CHEMIN ou s3://SEAU/…", "folder://PATH or s3://BUCKET/…"),
        ('store = "mysql://x"', "sqlite:CHEMIN", "sqlite:PATH"),
        ('fetch_everything_of = ["org_abc"]', "org_ et 52 caractères", "org_ and 52 characters"),
        ('peer_tls_proxy = "https://name"', "nom[:port]", "name[:port]"),
        ("not toml at all", "ligne 1, colonne 5 : ce n’est pas du TOML", "TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place_and_what_it_may_be(
    tmp_path: Path, text: str, fr: str, en: str
) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, {}, {})
    for words, told in ((fr, refused.value.fr), (en, refused.value.en)):
        assert words in told
        assert str(tmp_path / FILE_NAME) in told
    assert refused.value.fr != refused.value.en


def test_a_settings_file_that_cannot_be_read_is_no_default(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, {}, {})
    assert "c’est un dossier" in refused.value.fr


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
