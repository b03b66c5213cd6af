"""A terminal channel's history survives crashes, full disks and other processes."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import (
    ChannelState,
    Post,
    PostKind,
    Signal,
)
from bot.platforms.journal import Journal, journal_path
from bot.platforms.terminal import Terminal
from bot.ports import (
    Absent,
    CannotTell,
    Found,
    Rejected,
    Retry,
    Sent,
    Standing,
    Unknown,
)
from tests.adapters.counterpart import (
    paper,
)
from tests.adapters.terminal_window import (
    fail,
    half_write_then_fail,
)

pytestmark = pytest.mark.usefixtures("plain_surroundings")

SINCE = datetime(2026, 6, 12, tzinfo=UTC)


# --- the history ---------------------------------------------------------------------------------


async def test_without_a_folder_the_history_lives_as_long_as_the_terminal() -> None:
    terminal = Terminal(stream=io.StringIO())
    sent = await terminal.send("nlp", paper(), "k1")
    assert isinstance(sent, Sent)
    assert await terminal.send("nlp", paper(), "k1") == sent
    assert await terminal.find("nlp", "k1", since=SINCE) == Found(sent.remote_id)
    assert await Terminal(stream=io.StringIO()).find("nlp", "k1", since=SINCE) == Absent()


async def filled(folder: Path) -> bytes:
    """Write a history of two posts and two reactions; return its bytes."""
    terminal = Terminal(folder, stream=io.StringIO())
    first = await terminal.send("nlp", paper(1), "k1")
    assert isinstance(first, Sent)
    await terminal.react("nlp", first.remote_id, "ada", Signal.LIKE)
    await terminal.send("nlp", paper(2), "k2")
    await terminal.react("nlp", first.remote_id, "ben", Signal.SAVE)
    return journal_path(folder, "nlp").read_bytes()


async def test_a_crash_at_any_byte_loses_only_what_was_not_acknowledged(tmp_path: Path) -> None:
    whole = await filled(tmp_path / "whole")
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    path = journal_path(tmp_path / "torn", "nlp")
    path.parent.mkdir()
    for cut in (*range(0, len(whole), 41), *ends, *(end - 1 for end in ends)):
        path.write_bytes(whole[:cut])
        kept = sum(end <= cut for end in ends)
        terminal = Terminal(path.parent, stream=io.StringIO())
        for key, line in (("k1", 1), ("k2", 3)):
            found = await terminal.find("nlp", key, since=SINCE)
            assert isinstance(found, Found if kept >= line else Absent)
            assert isinstance(await terminal.send("nlp", paper(line), key), Sent)
        lines = path.read_bytes().splitlines()
        posted = [json.loads(line)["key"] for line in lines if b'"event":"post"' in line]
        assert sorted(posted) == ["k1", "k2"]


async def test_a_last_line_of_zeros_counts_as_torn(tmp_path: Path) -> None:
    whole = await filled(tmp_path)
    path = journal_path(tmp_path, "nlp")
    path.write_bytes(whole + b"\0" * 90 + b"\n")
    terminal = Terminal(tmp_path, stream=io.StringIO())
    assert len(await terminal.posts("nlp")) == 2
    await terminal.send("nlp", paper(3), "k3")
    assert b"\0" not in path.read_bytes()
    assert len(await Terminal(tmp_path, stream=io.StringIO()).posts("nlp")) == 3


async def test_a_damaged_line_in_the_middle_is_told_and_nothing_is_overwritten(
    tmp_path: Path,
) -> None:
    whole = await filled(tmp_path)
    path = journal_path(tmp_path, "nlp")
    lines = whole.splitlines(keepends=True)
    damaged = b"".join([lines[0], b"{no\n", *lines[2:]])
    path.write_bytes(damaged)
    terminal = Terminal(tmp_path, stream=io.StringIO())
    outcome = await terminal.send("nlp", paper(3), "k3")
    assert isinstance(outcome, Rejected)
    assert "line 2" in outcome.reason
    assert str(path) in outcome.reason
    assert outcome.channel_state is ChannelState.UNREACHABLE
    assert isinstance(await terminal.find("nlp", "k1", since=SINCE), CannotTell)
    assert await terminal.standing("nlp", "1.k1") is None
    assert path.read_bytes() == damaged
    path.write_bytes(whole)
    assert isinstance(await terminal.send("nlp", paper(3), "k3"), Sent)


async def test_records_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    await filled(tmp_path)
    path = journal_path(tmp_path, "nlp")
    with path.open("ab") as file:
        file.write(b'{"event":"poll","id":"9"}\n')
    terminal = Terminal(tmp_path, stream=io.StringIO())
    assert isinstance(await terminal.send("nlp", paper(3), "k3"), Sent)
    assert len(await terminal.posts("nlp")) == 3


async def test_a_post_is_on_the_disk_before_send_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    path = journal_path(tmp_path, "nlp")
    monkeypatch.setattr("os.fsync", lambda _: synced.append(path.read_bytes()))
    window = io.StringIO()
    await Terminal(tmp_path, stream=window).send("nlp", paper(), "k1")
    assert b'"key":"k1"' in synced[0]


async def test_two_terminals_on_one_folder_see_each_others_posts_and_reactions(
    tmp_path: Path,
) -> None:
    one = Terminal(tmp_path, stream=io.StringIO())
    other = Terminal(tmp_path, stream=io.StringIO())
    first = await one.send("nlp", paper(1), "k1")
    assert isinstance(first, Sent)
    assert await other.send("nlp", paper(1), "k1") == first
    await other.react("nlp", first.remote_id, "ada", Signal.LIKE)
    assert await one.standing("nlp", first.remote_id) == (Standing("ada", Signal.LIKE),)
    second = await other.send("nlp", paper(2), "k2")
    assert await one.find("nlp", "k2", since=SINCE) == Found(getattr(second, "remote_id", ""))


async def test_many_writers_post_each_key_once(tmp_path: Path) -> None:
    path = journal_path(tmp_path, "nlp")
    journals = [Journal(path) for _ in range(4)]
    post = Post(PostKind.NOTICE, "quiet")
    answers = await asyncio.gather(
        *(
            asyncio.to_thread(journal.post, f"k{n}", post, None)
            for n in range(20)
            for journal in journals
        )
    )
    assert sum(fresh for _, fresh in answers) == 20
    posted = Journal(path).posts()
    assert sorted(p.key for p in posted) == sorted(f"k{n}" for n in range(20))
    assert {p.remote_id for p in posted} == {p.remote_id for p, _ in answers}


async def test_a_deleted_history_starts_again_with_ids_never_used(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, stream=io.StringIO())
    await terminal.send("nlp", paper(1), "k1")
    journal_path(tmp_path, "nlp").unlink()
    assert await terminal.find("nlp", "k1", since=SINCE) == Absent()
    assert await terminal.send("nlp", paper(2), "k2") == Sent("1.k2")


async def test_a_file_in_the_folders_place_is_a_rejection_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    terminal = Terminal(tmp_path / "taken", stream=io.StringIO())
    outcome = await terminal.send("nlp", paper(), "k1")
    assert isinstance(outcome, Rejected)
    assert "taken" in outcome.reason


async def test_a_full_disk_leaves_no_trace_and_is_tried_again(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, stream=io.StringIO())
    await terminal.send("nlp", paper(1), "k1")
    before = journal_path(tmp_path, "nlp").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.write", half_write_then_fail(errno.ENOSPC))
        outcome = await terminal.send("nlp", paper(2), "k2")
        assert isinstance(outcome, Retry)
        assert outcome.after > 0
        assert journal_path(tmp_path, "nlp").read_bytes() == before
        patch.setattr("os.write", half_write_then_fail(errno.ENOSPC))
        patch.setattr("os.ftruncate", fail(errno.EIO))
        assert isinstance(await terminal.send("nlp", paper(2), "k2"), Unknown)
    assert await terminal.find("nlp", "k2", since=SINCE) == Absent()
    assert isinstance(await terminal.send("nlp", paper(2), "k2"), Sent)
    assert len(await Terminal(tmp_path, stream=io.StringIO()).posts("nlp")) == 2


async def test_histories_are_for_their_owner_only(tmp_path: Path) -> None:
    await filled(tmp_path / "new")
    assert journal_path(tmp_path / "new", "nlp").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


@given(st.text(st.characters(), max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_address_is_a_file_of_its_own_inside_the_folder(address: str) -> None:
    path = journal_path(Path("/histories"), address)
    assert path.parent == Path("/histories")
    assert re.fullmatch(r"[a-z0-9_-]+\.jsonl", path.name)
    assert len(path.name) < 80
    assert path != journal_path(Path("/histories"), address + "x")


def test_addresses_that_differ_in_case_have_different_files() -> None:
    assert journal_path(Path(), "NLP").name.lower() != journal_path(Path(), "nlp").name.lower()
