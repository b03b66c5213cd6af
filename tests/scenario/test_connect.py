"""The walk from nothing to a connected chat, against loopback servers; no token is ever shown."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from click.testing import CliRunner, Result

from bot.cli.connect import find_manifest, slack_link
from bot.cli.main import front
from bot.platforms.discord.check import PERMISSIONS, invite_link
from bot.platforms.slack.scopes import SCOPES
from bot.settings import load
from bot.settings.secrets import keep_secret

BOT, APP, DISCORD = "xoxb-11-made-up", "xapp-1-made-up", "made.up-discord_token"


@dataclass
class Platforms:
    """Slack's and Discord's few answers that the walk needs; remembers what was asked."""

    url: str = ""
    scopes: str = ",".join(SCOPES)
    seen: list[tuple[str, str, str]] = field(default_factory=list)  # path, authorization, body

    def answer(self, path: str, authorization: str, body: str) -> tuple[int, dict[str, object]]:
        self.seen.append((path, authorization, body))
        known = {f"Bearer {BOT}", f"Bearer {APP}", f"Bot {DISCORD}"}
        if authorization not in known:
            if path.startswith("/slack"):
                return 200, {"ok": False, "error": "invalid_auth"}
            return 401, {"message": "401: Unauthorized", "code": 0}
        who = {"team": "Lab", "team_id": "T1", "user_id": "U1", "bot_id": "B1"}
        posted = {"ok": True} if '"C1"' in body else {"ok": False, "error": "channel_not_found"}
        answers: dict[str, dict[str, object]] = {
            "/slack/auth.test": {"ok": True, "url": f"{self.url}/", **who},
            "/slack/apps.connections.open": {"ok": True, "url": "wss://127.0.0.1/link"},
            "/slack/chat.postMessage": posted,
            "/discord/applications/@me": {"id": "424242", "name": "Paperwire"},
            "/discord/channels/77/messages": {"id": "1"},
        }
        unknown = {"ok": False, "error": "unknown_method", "message": "Unknown Channel"}
        return (200, answers[path]) if path in answers else (404, unknown)


@pytest.fixture
def platforms() -> Iterator[Platforms]:
    served = Platforms()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            path = urlsplit(self.path).path
            status, answer = served.answer(path, self.headers.get("Authorization", ""), body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-OAuth-Scopes", served.scopes)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815  the name that the base class looks for

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path, platforms: Platforms) -> Path:
    """Return a home whose settings point at the servers on loopback."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "paperwire.toml").write_text(
        "# mine\n"
        f'[slack]\napi_url = "{platforms.url}/slack/"\n'
        f'[discord]\napi_url = "{platforms.url}/discord"\n[web]\nport = 9000\n'
    )
    return home


def walk(home: Path, platform: str, *typed: str) -> Result:
    return CliRunner().invoke(
        front, ["--home", str(home), "init", platform], input="".join(f"{t}\n" for t in typed)
    )


def test_slack_is_connected_from_two_pasted_tokens(home: Path, platforms: Platforms) -> None:
    done = walk(home, "slack", BOT, APP, "C1")
    assert done.exit_code == 0, done.output
    settings = load(home, {})
    assert settings.slack.bot_token is not None
    assert settings.slack.app_token is not None
    assert settings.slack.bot_token.get_secret_value() == BOT
    assert settings.slack.app_token.get_secret_value() == APP
    assert settings.web.port == 9000
    assert (home / "paperwire.toml").read_text().startswith("# mine\n")
    assert "connected to Lab" in done.output
    assert "The test message is there." in done.output
    [posted] = [body for path, _, body in platforms.seen if path == "/slack/chat.postMessage"]
    assert "/papers subscribe" in posted


def test_every_scope_is_told_with_what_it_is_for(home: Path) -> None:
    done = walk(home, "slack", "")
    for scope, purpose in SCOPES.items():
        assert scope in done.output
        assert purpose in done.output


def test_discord_is_connected_from_one_pasted_token(home: Path, platforms: Platforms) -> None:
    done = walk(home, "discord", DISCORD, "77")
    assert done.exit_code == 0, done.output
    token = load(home, {}).discord.token
    assert token is not None
    assert token.get_secret_value() == DISCORD
    assert invite_link("424242") in done.output
    assert "The test message is there." in done.output
    [posted] = [body for path, _, body in platforms.seen if path.endswith("/messages")]
    assert json.loads(posted)["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize(
    ("platform", "typed"),
    [
        ("slack", (BOT, APP, "C1")),
        ("slack", ("xoxb-refused", BOT, APP, "")),
        ("discord", ("refused-token", DISCORD, "")),
    ],
)
def test_no_token_is_ever_shown(platform: str, typed: tuple[str, ...], home: Path) -> None:
    done = walk(home, platform, *typed)
    assert done.exit_code == 0
    for token in typed:
        if token not in {"", "C1"}:
            assert token not in done.output


@pytest.mark.parametrize(
    ("platform", "typed", "names"),
    [
        ("slack", (BOT, APP, ""), {"paperwire_slack__bot_token", "paperwire_slack__app_token"}),
        ("discord", (DISCORD, ""), {"paperwire_discord__token"}),
    ],
)
def test_secrets_are_files_that_only_their_owner_reads(
    platform: str, typed: tuple[str, ...], names: set[str], home: Path
) -> None:
    walk(home, platform, *typed)
    files = list((home / "secrets").iterdir())
    assert {path.name for path in files} == names
    for path in (*files, home / "paperwire.toml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o700
    written = (home / "paperwire.toml").read_text()
    assert not any(token and token in written for token in typed)


def test_a_refused_token_is_asked_for_again_and_then_nothing_is_written(home: Path) -> None:
    before = (home / "paperwire.toml").read_text()
    done = walk(home, "slack", "xoxb-bad", "no-token-at-all", "xoxb-bad2")
    assert done.exit_code == 1
    assert "Slack refuses slack.bot_token: invalid_auth" in done.output
    assert "it is one word that begins with xoxb-" in done.output
    assert not (home / "secrets").exists()
    assert (home / "paperwire.toml").read_text() == before


def test_a_missing_scope_is_named_before_the_token_is_taken(
    home: Path, platforms: Platforms
) -> None:
    platforms.scopes = "commands"
    done = walk(home, "slack", BOT, "")
    assert done.exit_code == 1
    assert "missing chat:write: to post digests and answers" in done.output


def test_a_test_message_that_fails_says_why_and_the_token_stays(home: Path) -> None:
    done = walk(home, "slack", BOT, APP, "C404", "not an id!", "")
    assert done.exit_code == 0
    assert "Refused: channel_not_found. Is the bot in that channel?" in done.output
    assert "A channel's id has letters and digits only." in done.output
    assert load(home, {}).slack.enabled


def test_a_platform_out_of_reach_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "paperwire.toml").write_text('[discord]\napi_url = "http://127.0.0.1:9/discord"\n')
    done = walk(tmp_path, "discord", DISCORD, "")
    assert done.exit_code == 1
    assert "Discord cannot be reached" in done.output


def test_the_slack_link_carries_the_whole_manifest() -> None:
    manifest = find_manifest()
    assert manifest is not None
    query = parse_qs(urlsplit(slack_link()).query)
    assert query["new_app"] == ["1"]
    assert yaml.safe_load(query["manifest_yaml"][0]) == yaml.safe_load(manifest.read_text())


def test_every_permission_is_told_with_what_it_is_for(home: Path) -> None:
    done = walk(home, "discord", DISCORD, "")
    for name, purpose in PERMISSIONS.values():
        assert f"{name:<24} to {purpose}" in done.output


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '\n\n[slack]\nbot_token_file = "secrets/x"\n'),
        ("[slack]", '[slack]\nbot_token_file = "secrets/x"\n'),
        ("[slack]\n[web]\n", '[slack]\nbot_token_file = "secrets/x"\n[web]\n'),
        (
            '[slack]\n#bot_token_file = "a"\nbot_token_file = "b"\n',
            '[slack]\n#bot_token_file = "a"\nbot_token_file = "secrets/x"\n',
        ),
        (
            '[slack]\n# Words.\n#bot_token_file = "a"\n#[[feeds]]\n',
            '[slack]\n# Words.\nbot_token_file = "secrets/x"\n#[[feeds]]\n',
        ),
    ],
)
def test_the_settings_file_gets_one_line_and_keeps_the_rest(before: str, after: str) -> None:
    from bot.settings.secrets import _name_file

    assert _name_file(before, "slack", "bot_token", "secrets/x") == after


def test_where_there_is_a_folder_of_secrets_the_file_goes_there(tmp_path: Path) -> None:
    environ = {"PAPERWIRE_SECRETS_DIR": str(tmp_path / "run")}
    (tmp_path / "run").mkdir()
    path = keep_secret(tmp_path, "discord.token", DISCORD, environ)
    assert path == tmp_path / "run" / "paperwire_discord__token"
    assert not (tmp_path / "paperwire.toml").exists()
    token = load(tmp_path, environ).discord.token
    assert token is not None
    assert token.get_secret_value() == DISCORD


def test_doctor_tells_a_connected_chat_from_one_that_lacks_something(
    home: Path, platforms: Platforms
) -> None:
    walk(home, "slack", BOT, APP, "")
    runner = CliRunner()
    well = runner.invoke(front, ["--home", str(home), "doctor"])
    assert "ok  slack: Slack: connected to Lab as U1" in well.output
    assert "ok  slack: Slack: Socket Mode can connect" in well.output
    platforms.scopes = "commands"
    lacking = runner.invoke(front, ["--home", str(home), "doctor"])
    assert lacking.exit_code == 1
    assert "missing chat:write: to post digests and answers" in lacking.output
    assert "next: paperwire init slack, then restart" in lacking.output
    assert BOT not in well.output + lacking.output


def test_doctor_says_what_to_do_about_a_discord_token_that_is_refused(home: Path) -> None:
    keep_secret(home, "discord.token", "refused-token", {})
    done = CliRunner().invoke(front, ["--home", str(home), "doctor"])
    assert done.exit_code == 1
    assert "Discord does not accept discord.token" in done.output
    assert "next: paperwire init discord, then restart" in done.output


def test_bare_init_still_writes_the_settings_file(tmp_path: Path) -> None:
    runner = CliRunner()
    done = runner.invoke(front, ["--home", str(tmp_path), "init"])
    assert done.exit_code == 0
    assert f"Wrote {tmp_path}/paperwire.toml" in done.output
    assert stat.S_IMODE((tmp_path / "paperwire.toml").stat().st_mode) == 0o600
    again = runner.invoke(front, ["--home", str(tmp_path), "init"])
    assert again.exit_code == 1
    assert runner.invoke(front, ["--home", str(tmp_path), "init", "--force"]).exit_code == 0


def test_init_writes_the_settings_file_where_there_is_none(
    tmp_path: Path, platforms: Platforms
) -> None:
    path = keep_secret(tmp_path / "new", "discord.token", DISCORD, {})
    text = (tmp_path / "new" / "paperwire.toml").read_text()
    assert 'token_file = "secrets/paperwire_discord__token"' in text.splitlines()
    assert path.read_text() == f"{DISCORD}\n"
    assert load(tmp_path / "new", {}).discord.enabled
