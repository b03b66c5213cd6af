"""Logs go to standard error and never hold a secret that a trace passed by."""

from __future__ import annotations

import json

import pytest
import structlog

from bot import logs

PLANTED = "xoxb-planted-secret"


def fail_with_a_secret_at_hand() -> None:
    token = PLANTED
    raise ValueError(f"{len(token)} characters were refused")


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_trace_shows_lines_and_no_values(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", form)
    try:
        fail_with_a_secret_at_hand()
    except ValueError:
        structlog.get_logger("x").exception("job_failed", job="poll")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "characters were refused" in shown.err
    assert "fail_with_a_secret_at_hand" in shown.err
    assert PLANTED not in shown.err


def test_json_logs_are_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    structlog.get_logger("x").info("sent", channel="ears")
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "sent"
