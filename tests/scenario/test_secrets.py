"""Tokens are planted everywhere one can be; then everything that is ever shown is searched."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog

from bot.app import App
from bot.domain import PaperwireError
from bot.logs import configure
from bot.settings import load
from tests.command_line import CommandLine
from tests.scenario.test_app import settings_of

NOWHERE = "http://127.0.0.1:9"
PLANTED = {
    "PAPERWIRE_SLACK__BOT_TOKEN": "xoxb-planted-7Kq2wZ",
    "PAPERWIRE_SLACK__APP_TOKEN": "xapp-planted-9Lm4xT",
    "PAPERWIRE_SLACK__SIGNING_SECRET": "planted-signing-3Rv8",
    "PAPERWIRE_SLACK__CLIENT_ID": "12.34",
    "PAPERWIRE_SLACK__CLIENT_SECRET": "planted-client-5Ty1",
    "PAPERWIRE_DISCORD__TOKEN": "planted.discord.Qw6Er2",
    "PAPERWIRE_EMAIL__PASSWORD": "planted-smtp-8Uj3",
    "PAPERWIRE_WEB__PASSWORD": "planted-web-password-4Hg",
    "PAPERWIRE_WEB__TOKEN": "planted-web-token-2Zx9-long",
}
AROUND = {
    "PAPERWIRE_SLACK__API_URL": f"{NOWHERE}/api/",
    "PAPERWIRE_DISCORD__API_URL": NOWHERE,
    "PAPERWIRE_EMAIL__HOST": "127.0.0.1",
    "PAPERWIRE_EMAIL__PORT": "9",
    "PAPERWIRE_EMAIL__USERNAME": "papers",
    "PAPERWIRE_EMAIL__SENDER": "papers@example.org",
    "PAPERWIRE_EMAIL__PUBLIC_URL": "https://papers.example.org",
    "PAPERWIRE_WEB__ENABLED": "true",
}
SECRETS = [value for key, value in PLANTED.items() if not key.endswith("CLIENT_ID")]


def found_in(text: str) -> list[str]:
    """Return the planted secrets that can be read out of a text, however they are written there."""
    hits = []
    for secret in SECRETS:
        forms = {secret, quote(secret, safe=""), secret[:-2], json.dumps(secret)[1:-1]}
        forms |= {base64.b64encode(f"{user}{secret}".encode()).decode() for user in ("", ":")}
        if any(form in text for form in forms):
            hits.append(secret)
    return hits


@pytest.fixture
def paperwire(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    for key, value in {**PLANTED, **AROUND, "PAPERWIRE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(key, value)
    for key in ("HUGGINGFACE__BASE_URL", "ARXIV__LISTING_URL", "ARXIV__API_URL"):
        monkeypatch.setenv(f"PAPERWIRE_{key}", NOWHERE)
    monkeypatch.setenv("PAPERWIRE_FETCH__ATTEMPTS", "1")
    return CommandLine(tmp_path, capsys, monkeypatch)


@pytest.fixture
def spoken() -> Iterator[None]:
    """Everything is logged, the least important too."""
    configure("debug", "json")
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"],
        ["doctor", "--json"],
        ["settings"],
        ["outbox"],
        ["channels"],
        ["export"],
        ["export", "--with-person-key"],
        ["where", "p1"],
        ["where", "--channel", "desk"],
        ["init", "--print"],
        ["ingest"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_no_command_prints_a_token(paperwire: CommandLine, arguments: list[str]) -> None:
    ran = paperwire(*arguments)
    assert found_in(ran.out + ran.err) == []
    assert len(ran.out + ran.err) > 10


def test_nothing_that_is_exported_or_stored_holds_a_token(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    paperwire("doctor")
    paperwire("export")
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in paths)
    for path in paths:
        assert found_in(path.read_bytes().decode("latin-1")) == [], path


@pytest.mark.parametrize("key", [key for key in PLANTED if not key.endswith("CLIENT_ID")])
@pytest.mark.parametrize(
    "wrong",
    ["WEB__PORT", "LOG__LEVEL", "SLACK__MODE", "DEFAULTS__TIMEZONE", "HUGGINGFACE__BASE_URL"],
)
def test_a_token_in_the_wrong_place_is_not_repeated_in_the_error(
    tmp_path: Path, key: str, wrong: str
) -> None:
    with pytest.raises(PaperwireError) as caught:
        load(tmp_path, {f"PAPERWIRE_{wrong}": PLANTED[key]})
    assert found_in(str(caught.value)) == []


def test_settings_do_not_show_tokens_when_printed(tmp_path: Path) -> None:
    settings = load(tmp_path, {**PLANTED, **AROUND})
    assert found_in(repr(settings) + str(settings) + settings.model_dump_json()) == []


async def test_no_log_line_of_a_service_in_trouble_holds_a_token(
    tmp_path: Path, spoken: None, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = {k: v for k, v in {**PLANTED, **AROUND}.items() if not k.endswith("WEB__ENABLED")}
    settings = settings_of(tmp_path, None, **chosen, PAPERWIRE_EMAIL__HTTP_PORT="8799")
    trouble = ""
    try:
        async with App(settings) as app:
            running = asyncio.create_task(app.serve())
            await asyncio.sleep(1.5)
            app.stop()
            await running
    except PaperwireError as error:
        trouble = str(error)
    assert found_in(trouble) == []
    told = capsys.readouterr()
    lines = told.out + told.err
    assert found_in(lines) == []
    assert re.search("slack|discord", lines)


async def test_a_login_in_a_feeds_address_is_not_told(
    tmp_path: Path, spoken: None, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = tmp_path / "paperwire.toml"
    toml.write_text(
        '[[feeds]]\nname = "lab"\nurl = "http://reader:planted-smtp-8Uj3@127.0.0.1:9/feed"\n'
        "allow_private = true\n"
    )
    settings = load(
        tmp_path,
        {
            "PAPERWIRE_ARXIV__ENABLED": "false",
            "PAPERWIRE_HUGGINGFACE__ENABLED": "false",
            "PAPERWIRE_BACKUP__ENABLED": "false",
            "PAPERWIRE_FETCH__ATTEMPTS": "1",
        },
    )
    async with App(settings) as app:
        done = await app.once()
    told = capsys.readouterr()
    assert found_in(repr(done) + told.out + told.err) == []
