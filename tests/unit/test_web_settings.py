"""The web page's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import PaperwireError
from bot.settings import load


def written(folder: Path, text: str) -> Path:
    (folder / "paperwire.toml").write_text(f"[web]\n{text}", encoding="utf-8")
    return folder


def test_without_any_it_is_closed_and_on_this_machine(tmp_path: Path) -> None:
    web = load(tmp_path, {}).web
    assert (web.enabled, web.host, web.password, web.token, web.public_url) == (
        False, "127.0.0.1", None, None, None,
    )  # fmt: skip


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n", encoding="utf-8")
    settings = load(written(tmp_path, 'password_file = "secret"'), {})
    assert settings.web.password is not None
    assert settings.web.password.get_secret_value() == "correct horse"
    assert "horse" not in repr(settings)


def test_a_public_address_ends_without_a_slash(tmp_path: Path) -> None:
    web = load(written(tmp_path, 'public_url = "https://papers.example.org/"'), {}).web
    assert web.public_url == "https://papers.example.org"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('password = "short"', "web.password"),
        ('token = "too-short"', "web.token"),
        ('public_url = "papers"', "https://"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_being_quoted(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(PaperwireError, match=said) as refused:
        load(written(tmp_path, text), {})
    assert "too-short" not in str(refused.value)
    assert '"short"' not in str(refused.value)
