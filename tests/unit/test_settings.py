"""Settings: where they come from, who wins, and what is said of wrong ones."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import Layout, PaperwireError
from bot.settings import FILE_NAME, Settings, commented_toml, describe, find_home, load


def _write(home: Path, text: str) -> Path:
    (home / FILE_NAME).write_text(text, encoding="utf-8")
    return home


def _refusal(home: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(PaperwireError) as caught:
        load(home, environ or {})
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 600
    return said


# --- where values come from ---------------------------------------------------------------------


def test_without_file_and_variables_the_defaults_hold(tmp_path: Path) -> None:
    loaded = load(tmp_path, {})
    assert loaded == Settings(home=tmp_path)
    assert loaded.database_path == tmp_path / "paperwire.db"
    assert loaded.huggingface.base_url == "https://huggingface.co"
    assert (loaded.defaults.size, loaded.defaults.threshold) == (5, 50)
    assert not any((loaded.slack.enabled, loaded.discord.enabled, loaded.email.enabled))


def test_the_file_changes_what_it_names(tmp_path: Path) -> None:
    _write(
        tmp_path,
        """
        [database]
        path = "wire/papers.db"
        [arxiv]
        categories = ["CS.cl", "stat", "cs.CL"]
        [defaults]
        timezone = "Europe/Berlin"
        layout = "cards"
        [[feeds]]
        name = "my-journal"
        url = "https://example.org/feed.xml"
        """,
    )
    loaded = load(tmp_path, {})
    assert loaded.database_path == tmp_path / "wire" / "papers.db"
    assert loaded.arxiv.categories == ("cs.CL", "stat")
    assert loaded.defaults.timezone == "Europe/Berlin"
    assert loaded.defaults.layout is Layout.CARDS
    assert [(feed.name, feed.allow_private) for feed in loaded.feeds] == [("my-journal", False)]
    assert loaded.defaults.size == 5


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    _write(tmp_path, "[web]\nport = 9000\nenabled = true")
    loaded = load(tmp_path, {"PAPERWIRE_WEB__PORT": "9001", "OTHER": "x"})
    assert (loaded.web.port, loaded.web.enabled) == (9001, True)


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    _write(tmp_path, "[web]\nport = 9000")
    environ = {"PAPERWIRE_WEB__PORT": " ", "PAPERWIRE_SLACK__BOT_TOKEN": ""}
    assert load(tmp_path, environ).web.port == 9000


@pytest.mark.parametrize("text", ["cs.CL, cs.LG", '["cs.CL", "cs.LG"]', "cs.CL,cs.LG,"])
def test_a_list_in_a_variable_has_commas_or_is_json(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, {"PAPERWIRE_ARXIV__CATEGORIES": text}).arxiv.categories == (
        "cs.CL",
        "cs.LG",
    )


def test_feeds_in_a_variable_are_json(tmp_path: Path) -> None:
    feeds = '[{"name": "j", "url": "http://127.0.0.1:8000/feed", "allow_private": true}]'
    loaded = load(tmp_path, {"PAPERWIRE_FEEDS": feeds})
    assert loaded.feeds[0].url == "http://127.0.0.1:8000/feed"
    assert loaded.feeds[0].allow_private


@pytest.mark.parametrize(("text", "expected"), [("on", True), ("0", False), ("False", False)])
def test_switches_are_read_as_people_write_them(
    tmp_path: Path, text: str, *, expected: bool
) -> None:
    assert load(tmp_path, {"PAPERWIRE_SAMPLE__ENABLED": text}).sample.enabled is expected


def test_base_urls_may_be_on_loopback_and_end_as_their_users_need(tmp_path: Path) -> None:
    environ = {
        "PAPERWIRE_SLACK__API_URL": "http://127.0.0.1:8001/api",
        "PAPERWIRE_DISCORD__API_URL": "http://127.0.0.1:8002/api/v10/",
        "PAPERWIRE_DISCORD__GATEWAY_URL": "ws://127.0.0.1:8003",
    }
    loaded = load(tmp_path, environ)
    assert loaded.slack.api_url == "http://127.0.0.1:8001/api/"
    assert loaded.discord.api_url == "http://127.0.0.1:8002/api/v10"
    assert loaded.discord.gateway_url == "ws://127.0.0.1:8003"


def test_home_is_the_argument_then_the_variable_then_the_users_folder(tmp_path: Path) -> None:
    environ = {"PAPERWIRE_HOME": str(tmp_path / "b")}
    assert find_home(tmp_path / "a", environ) == tmp_path / "a"
    assert find_home(None, environ) == tmp_path / "b"
    assert load(None, environ).home == tmp_path / "b"
    assert find_home(None, {}).name == "paperwire"
    assert find_home(None, {"PAPERWIRE_HOME": ""}) == find_home(None, {})


# --- secrets ------------------------------------------------------------------------------------


def _token(loaded: Settings) -> str:
    assert loaded.discord.token is not None
    return loaded.discord.token.get_secret_value()


def test_a_secret_comes_from_the_nearest_of_six_places(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name in ("toml", "environ"):
        (tmp_path / name).write_text(f"from the {name} file\n", encoding="utf-8")
    (folder / "paperwire_discord__token").write_text("from the folder\n", encoding="utf-8")
    (folder / "database_password").write_text("someone else's", encoding="utf-8")
    (folder / "paperwire_old").mkdir()

    _write(tmp_path, '[discord]\ntoken = "from the file"')
    assert _token(load(tmp_path, {})) == "from the file"
    _write(tmp_path, '[discord]\ntoken = "from the file"\ntoken_file = "toml"')
    assert _token(load(tmp_path, {})) == "from the toml file"
    environ = {"PAPERWIRE_DISCORD__TOKEN": "from the variable"}
    assert _token(load(tmp_path, environ)) == "from the variable"
    environ["PAPERWIRE_DISCORD__TOKEN_FILE"] = str(tmp_path / "environ")
    assert _token(load(tmp_path, environ)) == "from the environ file"
    environ["PAPERWIRE_SECRETS_DIR"] = str(folder)
    assert _token(load(tmp_path, environ)) == "from the folder"


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    environ = {"PAPERWIRE_SLACK__BOT_TOKEN": "xoxb-0815", "PAPERWIRE_SLACK__APP_TOKEN": "xapp-0815"}
    loaded = load(tmp_path, environ)
    assert loaded.slack.enabled
    assert "0815" not in f"{loaded!r} {loaded} {loaded.model_dump()} {loaded.model_dump_json()}"


@pytest.mark.parametrize(
    "environ",
    [
        {"PAPERWIRE_SLACK__BOT_TOKEN": "xoxb-0815"},
        {"PAPERWIRE_SLACK__BOT_TOKEN": "xapp-0815", "PAPERWIRE_SLACK__APP_TOKEN": "xapp-1"},
        {"PAPERWIRE_SLACK__APP_TOKEN": "xoxb-0815"},
        {"PAPERWIRE_SLACK__SIGNING_SECRET": "0815"},
    ],
)
def test_a_wrong_secret_is_not_in_the_message(tmp_path: Path, environ: dict[str, str]) -> None:
    said = _refusal(tmp_path, environ)
    assert "0815" not in said
    assert "PAPERWIRE_SLACK__" in said
    assert "token" in said


def test_a_secret_written_into_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    said = _refusal(_write(tmp_path, '[slack]\nbot_token = ["xoxb-0815"]'))
    assert "0815" not in said
    assert "slack.bot_token" in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "not there"), (b" \n", "is empty"), (b"\xff\xfe", "line 1 is not UTF-8")],
)
def test_a_secret_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    said = _refusal(tmp_path, {"PAPERWIRE_DISCORD__TOKEN_FILE": str(path)})
    assert said.startswith("PAPERWIRE_DISCORD__TOKEN_FILE")
    assert str(path) in said
    assert reason in said


def test_the_secrets_folder_must_be_there_and_hold_known_secrets(tmp_path: Path) -> None:
    said = _refusal(tmp_path, {"PAPERWIRE_SECRETS_DIR": str(tmp_path / "none")})
    assert "PAPERWIRE_SECRETS_DIR" in said
    assert "paperwire_slack__bot_token" in said
    (tmp_path / "paperwire_slack_bot_token").write_text("x", encoding="utf-8")
    said = _refusal(tmp_path, {"PAPERWIRE_SECRETS_DIR": str(tmp_path)})
    assert "Did you mean paperwire_slack__bot_token?" in said


# --- what is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[defaults]\nsize = 50", ["defaults.size = 50", "at most 20", "default, 5"]),
        ("[defaults]\nsize = 'many'", ['defaults.size = "many"', "whole number"]),
        ("[defaults]\ntimezone = 'Europe/Berln'", ["did you mean Europe/Berlin?"]),
        ("[defaults]\nlayout = 'card'", ["'thread', 'cards' or 'single'"]),
        ("[log]\nlevel = 'loud'", ["log.level", "'debug', 'info', 'warning' or 'error'"]),
        ("[web]\nenabled = 'maybe'", ["true or false", "default, false"]),
        ("[web]\nport = 0", ["web.port = 0", "at least 1", "default, 8765"]),
        ("[arxiv]\ncategories = ['cs.CL', 'cs.LC']", ["cs.LC", "did you mean cs.CL?"]),
        ("[arxiv]\ncategories = []", ["arxiv.categories = []", "empty"]),
        ("[arxiv]\ncategories = 'cs.CL'", ["it is a list"]),
        ("[arxiv]\napi_url = 'export.arxiv.org'", ["starts with https://"]),
        ("[discord]\ngateway_url = 'https://x.org'", ["starts with wss://", "wss://gateway"]),
        ("[email]\nhost = 'smtp.example.org'", ["email", "host needs sender", "email.host"]),
        (
            '[fetch]\ncontact = "a\\nb"',
            ["fetch.contact", "another form than asked for (your e-mail"],
        ),
        ("[[feeds]]\nname = 'arxiv'\nurl = 'https://x.org'", ["feeds[1].name", "something else"]),
        ("[[feeds]]\nname = 'x'", ["feeds[1].url", "missing"]),
        ("[[feeds]]\nname = 'x'\nurl = 'https://x.org'\nurll = 1", ["did you mean url?"]),
        (
            "[[feeds]]\nname='x'\nurl='https://x.org'\n[[feeds]]\nname='x'\nurl='https://y.org'",
            ["'x' is used twice"],
        ),
        ("[defaults]\nsize = 50\nthreshold = 500", ["(And 1 more.)"]),
        ("[defalts]\nsize = 5", ["no setting defalts", "Did you mean defaults?"]),
        ("[defaults]\nsise = 5", ["no setting defaults.sise", "Did you mean defaults.size?"]),
        ("[defaults]\nsize_file = 'x'", ["no setting defaults.size_file"]),
        ("bot_token = 'x'", ["below the line [slack], as bot_token"]),
        ("web = 5", ["web is a section", "[web]"]),
        ("xyzzy = 5", ["no setting xyzzy", "paperwire init"]),
        ("feeds = 5", ["feeds = 5", "it is a list"]),
        ("[web]\nport = ", ["not valid TOML", "line 2, column 8"]),
        ("[web]\nport = 1\nport = 2", ["not valid TOML"]),
        ("a = " + "[" * 20_000, ["paperwire.toml"]),
        ("# " + "x" * 1_100_000, ["over 1 MB"]),
    ],
)
def test_a_wrong_file_is_told_in_one_sentence_with_place_and_remedy(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    said = _refusal(_write(tmp_path, text))
    for part in [str(tmp_path / FILE_NAME), *parts]:
        assert part in said


@pytest.mark.parametrize(
    ("variable", "text", "parts"),
    [
        ("PAPERWIRE_WEB__PORT", "eighty", ['= "eighty"', "whole number", "unset it", "8765"]),
        ("PAPERWIRE_WEB__PROT", "80", ["no such setting", "Did you mean PAPERWIRE_WEB__PORT?"]),
        ("PAPERWIRE_SLACK_BOT_TOKEN", "x", ["Did you mean PAPERWIRE_SLACK__BOT_TOKEN?"]),
        ("PAPERWIRE_HOMEE", "x", ["Did you mean PAPERWIRE_HOME?"]),
        ("PAPERWIRE_FEEDS", "{", ["not valid JSON", '"name": "my-journal"']),
        ("PAPERWIRE_ARXIV__CATEGORIES", "[", ["not valid JSON"]),
        ("PAPERWIRE_WEB__PORT_FILE", "x", ["no such setting"]),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(
    tmp_path: Path, variable: str, text: str, parts: list[str]
) -> None:
    said = _refusal(tmp_path, {variable: text})
    assert said.startswith(variable)
    for part in parts:
        assert part in said


def test_a_file_that_is_not_text_or_not_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"[web]\nhost = '\xff'")
    assert "line 2 is not UTF-8" in _refusal(tmp_path)
    path.unlink()
    path.mkdir()
    assert "cannot be read" in _refusal(tmp_path)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xef\xbb\xbf[web]\nport = 9000\n")
    assert load(tmp_path, {}).web.port == 9000


_keys = st.sampled_from(["web", "port", "slack", "bot_token", "feeds", "x", "arxiv", "categories"])
_values = st.recursive(
    st.integers(-(10**6), 10**6) | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(
    text=st.text(max_size=60)
    | st.tuples(_keys, _keys, _values).map(
        lambda t: (
            f"[{t[0]}]\n{t[1]} = {str(t[2]).replace('True', 'true').replace('False', 'false')}"
        )
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_read_or_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        loaded = load(tmp_path, {})
    except PaperwireError as error:
        refusal = str(error)
        assert FILE_NAME in refusal
        return
    assert loaded.home == tmp_path


# --- the file to start from, and the documentation ----------------------------------------------


def test_the_file_to_start_from_changes_nothing(tmp_path: Path) -> None:
    assert load(_write(tmp_path, commented_toml()), {}) == Settings(home=tmp_path)


def test_the_file_to_start_from_shows_the_true_defaults(tmp_path: Path) -> None:
    with_default = {row.name.split(".")[-1] for row in describe() if row.default}
    lines = commented_toml().split("#[[feeds]]")[0].splitlines()
    shown = [
        line.removeprefix("#") if line[1:].partition(" =")[0] in with_default else line
        for line in lines
    ]
    text = "\n".join(shown)
    assert len(tomllib.loads(text)["web"]) == 3
    assert load(_write(tmp_path, text), {}) == Settings(home=tmp_path)


def test_the_examples_in_the_file_to_start_from_are_valid(tmp_path: Path) -> None:
    uncommented = re.sub(r"(?m)^#(?=[a-z_]+ = |\[\[)", "", commented_toml())
    text = "\n".join(line for line in uncommented.splitlines() if "_file = " not in line)
    loaded = load(_write(tmp_path, text), {})
    assert loaded.slack.enabled
    assert loaded.feeds[0].name == "my-journal"


def test_every_setting_is_described_and_can_be_set_by_its_variable(tmp_path: Path) -> None:
    rows = describe()
    assert len({row.name for row in rows}) == len(rows)
    text = commented_toml()
    for row in rows:
        assert row.description
        assert row.type
        assert row.variable == "PAPERWIRE_" + row.name.upper().replace(".", "__")
        if row.name != "feeds":
            assert f"\n#{row.name.split('.')[1]} = " in text
            load(tmp_path, {row.variable: row.default.strip('"')})
