"""The commands for papers, channels and the outbox: what they print, their JSON, their statuses."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import profiles
from bot.domain import Channel, ChannelState, Digest, DigestKind, Post, PostKind
from bot.store import Store, channels, digests, listings, outbox
from bot.store.listings import Cursor
from tests.command_line import CommandLine
from tests.scenario.wire import api_entry

TOPICS = {
    "speech": "We train a speech recognition model on many languages. Word error rates fall.",
    "graphs": "Message passing on graphs smooths node features. A graph network keeps them apart.",
    "robots": "A robot arm learns to grasp objects from images. The gripper succeeds at once.",
}


def entries() -> list[dict[str, Any]]:
    return [
        api_entry(f"2606.{n:05}", f"A study of {topic}", text, upvotes=n)
        for n, (topic, text) in enumerate(TOPICS.items(), 1)
    ]


@pytest.fixture
def day(tmp_path: Path) -> Path:
    path = tmp_path / "2026-06-15.json"
    path.write_text(json.dumps(entries()))
    return path


@pytest.fixture
def filled(paperwire: CommandLine, day: Path) -> CommandLine:
    """Return a command whose home knows three papers and one channel, ``desk``."""
    assert paperwire("ingest", day).status == 0
    assert paperwire("chat", "subscribe", "speech", "recognition").status == 0
    return paperwire


def store_of(command: CommandLine) -> Store:
    return Store(command.home / "paperwire.db")


def change(command: CommandLine, **changes: Any) -> Channel:
    """Change the channel ``desk`` behind the command's back."""
    from dataclasses import replace

    store = store_of(command)
    with store.write() as connection:
        [channel] = channels.every(connection)
        channel = replace(channel, **changes)
        channels.update(connection, channel)
    store.close()
    return channel


# --- ingest -------------------------------------------------------------------------------------


def test_ingest_prints_one_object_a_file_in_the_documented_shape(
    paperwire: CommandLine, day: Path
) -> None:
    ran = paperwire("ingest", "--json", day, day)
    assert ran.status == 0
    assert ran.err == ""
    first, second = ran.rows
    assert first == {
        "path": str(day),
        "source": "huggingface",
        "listed_on": "2026-06-15",
        "outcome": "ok",
        "declared": 3,
        "parsed": 3,
        "quarantined": 0,
        "new": 3,
        "updated": 0,
        "note": "",
        "rejects": [],
    }
    assert (second["outcome"], second["new"], second["updated"]) == ("unchanged", 0, 0)


def test_a_bad_entry_is_named_with_source_position_and_reason(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "2026-06-15.json"
    bad: dict[str, Any] = {"paper": {"title": "No id here"}}
    path.write_text(json.dumps([*entries(), *[bad] * 7]))
    ran = paperwire("ingest", path)
    assert ran.status == 0
    assert "3 papers (3 new, 0 updated), 7 quarantined" in ran.out
    lines = ran.err.splitlines()
    assert lines[0].startswith("  huggingface, entry 4 (No id here): ")
    assert lines[-1] == "  and 2 more; --json lists them all"
    [row] = paperwire("ingest", "--json", path).rows
    assert [reject["position"] for reject in row["rejects"]] == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    ("name", "body", "outcome"),
    [
        ("empty.json", b"", "broken"),
        ("page.html", b"<html><title>Log in</title></html>", "broken"),
        ("notes.txt", b"My shopping list: bread, milk.", "broken"),
        ("paper.pdf", b"%PDF-1.7 ...", "broken"),
        ("cut.json", json.dumps(entries()).encode()[:400], "truncated"),
        ("day.json", b"[]", "empty"),
        ("packed.json.gz", gzip.compress(json.dumps(entries()).encode(), mtime=0), "ok"),
        ("torn.json.gz", gzip.compress(json.dumps(entries()).encode(), mtime=0)[:90], "truncated"),
        ("lines.jsonl", b'{"id": "2606.00001", "title": "A"}\n{"id": "2606.00002"', "truncated"),
        ("lines.jsonl.gz", gzip.compress(b'{"id": "2606.00001", "title": "A"}\n', mtime=0), "ok"),
        ("blank.jsonl", b"{\n\n\n", "broken"),
    ],
)
def test_a_file_of_any_kind_gets_its_word(
    paperwire: CommandLine, tmp_path: Path, name: str, body: bytes, outcome: str
) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    ran = paperwire("ingest", "--json", path)
    [row] = ran.rows
    assert row["outcome"] == outcome
    assert ran.status == (1 if outcome == "broken" else 0)
    assert outcome in {"ok", "empty"} or row["note"]


def test_what_is_not_there_costs_nothing_beside_it(
    paperwire: CommandLine, day: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    ran = paperwire("ingest", "--json", tmp_path / "missing.json", day, tmp_path / "empty")
    missing, read, empty = ran.rows
    assert ran.status == 1
    assert (missing["outcome"], missing["note"]) == ("failed", "No such file or directory")
    assert read["new"] == 3
    assert (empty["outcome"], empty["note"]) == ("failed", "there is no file in it")


def test_a_stream_of_several_days_is_told_as_one_file(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "stream.jsonl"
    rows = [
        {"id": f"2606.{n:05}", "title": f"Study {n}", "listed": f"2026-06-{10 + n % 3}"}
        for n in range(1, 10)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    [first] = paperwire("ingest", "--json", path).rows
    assert (first["outcome"], first["listed_on"], first["new"]) == ("ok", None, 9)
    rows.append({"id": "2606.00099", "title": "Study 99", "listed": "2026-06-20"})
    path.write_text("\n".join(json.dumps(row) for row in rows))
    [second] = paperwire("ingest", "--json", path).rows
    assert (second["parsed"], second["new"]) == (10, 1)


def test_a_listing_of_a_hundred_thousand_entries_is_refused_or_read_but_never_a_crash(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "2026-06-15.json"
    path.write_text("[" + ",".join(['{"paper": {}}'] * 100_000) + "]")
    [row] = paperwire("ingest", "--json", path).rows
    assert row["outcome"] == "broken"
    assert row["quarantined"] <= 10_000


# --- plan, profile, search ----------------------------------------------------------------------


def test_plan_prints_what_each_channel_would_get_and_writes_nothing(filled: CommandLine) -> None:
    ran = filled("plan", "--json")
    [proposal] = ran.json["channels"]
    assert set(proposal) == {"channel", "slot", "considered", "notes", "chosen", "passed"}
    assert proposal["channel"]["name"] == "desk"
    [chosen] = proposal["chosen"]
    assert set(chosen) == {
        "number", "paper", "title", "url", "score", "match", "label", "reason", "summary", "parts"
    }  # fmt: skip
    assert chosen["url"] == "https://arxiv.org/abs/2606.00001"
    assert sum(part["value"] for part in chosen["parts"]) == pytest.approx(chosen["score"])
    assert {drop["paper"] for drop in proposal["passed"]} == {"2606.00002", "2606.00003"}
    assert all(drop["words"] for drop in proposal["passed"])
    shown = filled("plan", "desk")
    assert "A study of speech" in shown.out
    assert "Nearest of those not chosen:" in shown.out
    assert filled("outbox", "--json").json["messages"] == []


def test_plan_without_channels_says_how_to_begin(paperwire: CommandLine) -> None:
    ran = paperwire("plan")
    assert (ran.status, "paperwire chat" in ran.out) == (0, True)


def test_plan_write_plans_what_is_due_and_nothing_else(filled: CommandLine) -> None:
    assert "No digest is due now." in filled("plan", "--write").out
    before = datetime.now(UTC) - timedelta(days=8)
    change(filled, schedule="* * * * *", scheduled_at=before)
    written = filled("plan", "--write", "--json")
    [proposal] = written.json["channels"]
    assert [one["paper"] for one in proposal["chosen"]] == ["2606.00001"]
    assert filled("outbox", "--json").json["counts"]["pending"] == 2


@pytest.mark.parametrize("state", [ChannelState.PAUSED, ChannelState.LEFT])
def test_plan_write_leaves_a_channel_alone_that_wants_nothing(
    filled: CommandLine, state: ChannelState
) -> None:
    change(filled, state=state)
    assert state in filled.refused("plan", "desk", "--write")
    assert filled("plan", "desk").status == 0


def test_a_plan_for_a_channel_without_interests_is_drawn(filled: CommandLine) -> None:
    change(filled, profile=profiles.parse(""), threshold=100)
    ran = filled("plan", "desk")
    assert ran.status == 0


@pytest.mark.parametrize("command", ["plan", "profile", "search x --channel", "export --channel"])
def test_an_unknown_channel_is_answered_with_those_there_are(
    filled: CommandLine, command: str
) -> None:
    said = filled.refused(*command.split(), "nowhere")
    assert "There is no channel 'nowhere' (known: terminal:desk)" in said


def test_a_name_of_several_channels_asks_for_the_number(filled: CommandLine) -> None:
    store = store_of(filled)
    with store.write() as connection:
        twin = Channel(0, "slack", "C1", "desk", profiles.parse("graphs"))
        channels.insert(connection, twin, private=False, now=datetime.now(UTC))
    store.close()
    assert "1 (terminal:desk), 2 (slack:desk). Use the number." in filled.refused("plan", "desk")
    assert filled("profile", "slack:desk", "--json").json["profile"] == "graphs"
    assert filled("profile", "2", "--json").json["profile"] == "graphs"


def test_the_profile_is_shown_and_changed(filled: CommandLine) -> None:
    shown = filled("profile", "desk")
    assert "Written: speech recognition" in shown.out
    added = filled("profile", "desk", "--add", 'graphs, -"image generation", cat:cs.CL')
    assert added.status == 0
    ran = filled("profile", "desk", "--remove", "speech recognition", "--json")
    assert ran.json["profile"] == 'graphs, -"image generation", cat:cs.CL'
    assert {"term", "written", "learned"} == set(ran.json["terms"][0])
    replaced = filled("profile", "desk", "--set", "robots", "--json")
    assert replaced.json["profile"] == "robots"
    assert filled("profile", "desk", "--remove", "nothing such").out
    assert "author:" in filled.refused("profile", "desk", "--add", "author:")
    warned = filled("profile", "desk", "--add", "cat:nonsense")
    assert warned.out.count("cat:nonsense is no category") == 1


def test_search_prints_hits_in_the_documented_shape(filled: CommandLine) -> None:
    ran = filled("search", "--json", "graph", "network")
    assert set(ran.json) == {"query", "total", "exact", "notes", "hits"}
    hit = ran.json["hits"][0]
    assert set(hit) == {
        "paper", "arxiv_id", "title", "authors", "url", "published", "categories", "upvotes",
        "score", "snippet",
    }  # fmt: skip
    assert (hit["title"], hit["published"]) == ("A study of graphs", "2026-06-14")
    assert hit["url"] == "https://arxiv.org/abs/2606.00002"
    shown = filled("search", "graph network")
    assert "A study of graphs" in shown.out
    assert "Nothing found" in filled("search", "zzzzqqqq").out
    assert filled("search", "--", "study", "-graphs").status == 0
    assert filled("search", "posted:here", "--channel", "desk").status == 0


def test_search_goes_on_where_the_page_before_ended(filled: CommandLine) -> None:
    every = filled("search", "--json", "study").json["hits"]
    second = filled("search", "--json", "--limit", "1", "--offset", "1", "study").json["hits"]
    assert [hit["paper"] for hit in second] == [every[1]["paper"]]


# --- outbox -------------------------------------------------------------------------------------


def add_messages(command: CommandLine) -> list[int]:
    store = store_of(command)
    moment = datetime.now(UTC)
    with store.write() as connection:
        digest = Digest(0, 1, "2026-06-15T09:00", DigestKind.DAILY, moment, 2, 2)
        number = digests.insert(connection, digest, upto=0, quiet=False)
        assert number is not None
        ids = [
            outbox.insert_message(
                connection,
                channel_id=1,
                digest_id=number,
                sequence=sequence,
                key=f"key-{sequence}",
                post=Post(PostKind.NOTICE, f"Notice {sequence}"),
                now=moment,
            )
            for sequence in range(3)
        ]
        outbox.mark_sent(connection, ids[0], "r1", moment)
        outbox.mark_abandoned(connection, ids[1], "invalid_blocks")
    store.close()
    return ids


def test_the_outbox_is_shown_newest_first_with_states_and_errors(filled: CommandLine) -> None:
    sent, abandoned, pending = add_messages(filled)
    ran = filled("outbox", "--json")
    assert ran.json["counts"] == {
        "pending": 1, "sending": 0, "sent": 1, "unknown": 0, "abandoned": 1
    }  # fmt: skip
    assert [row["id"] for row in ran.json["messages"]] == [pending, abandoned, sent]
    assert set(ran.json["messages"][0]) == {
        "id", "channel", "platform", "state", "headline", "attempts", "created_at", "sent_at",
        "not_before", "remote_id", "error",
    }  # fmt: skip
    shown = filled("outbox")
    assert shown.out.startswith("1 pending, 0 sending, 1 sent, 0 unknown, 1 abandoned\n")
    assert "invalid_blocks" in shown.out
    only = filled("outbox", "--json", "--state", "sent", "--limit", "5").json
    assert [row["remote_id"] for row in only["messages"]] == ["r1"]


def test_an_abandoned_message_is_taken_up_again_and_a_waiting_one_given_up(
    filled: CommandLine,
) -> None:
    sent, abandoned, pending = add_messages(filled)
    taken = filled("outbox", "--json", "--retry", str(abandoned), "--abandon", str(pending)).json
    found = {row["id"]: row for row in taken["messages"]}
    assert (found[abandoned]["state"], found[abandoned]["attempts"]) == ("unknown", 0)
    assert found[pending]["error"] == "given up by the operator"
    assert "no abandoned message" in filled.refused("outbox", "--retry", str(sent))
    assert "no waiting message" in filled.refused("outbox", "--abandon", str(sent))
    assert "no abandoned message 999" in filled.refused("outbox", "--retry", "999")


# --- doctor and run -----------------------------------------------------------------------------


def checks(command: CommandLine) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in command("doctor", "--json").json["checks"]}


def test_doctor_is_content_with_a_fresh_home_and_says_what_to_do_next(
    paperwire: CommandLine,
) -> None:
    ran = paperwire("doctor", "--json")
    assert (ran.status, ran.json["ok"]) == (0, True)
    found = {check["name"]: check for check in ran.json["checks"]}
    assert found["settings"]["next"] == "paperwire init"
    assert "paperwire chat" in found["channels"]["next"]
    assert "paperwire ingest PATH" in found["sources"]["next"]
    assert "ok  settings" in paperwire("doctor").out


def test_doctor_names_an_unreachable_channel_an_abandoned_message_and_a_failing_source(
    filled: CommandLine,
) -> None:
    add_messages(filled)
    change(filled, state=ChannelState.UNREACHABLE, state_reason="missing access")
    store = store_of(filled)
    moment = datetime.now(UTC)
    with store.write() as connection:
        for number, age in enumerate((0, 1, 30)):
            cursor = Cursor(
                f"http://127.0.0.1/{number}",
                "arxiv" if age else "huggingface",
                fetched_at=moment - timedelta(days=age),
                failures=3,
                error="answered 500",
            )
            listings.save_cursor(connection, cursor)
    store.close()
    ran = filled("doctor", "--json")
    found = {check["name"]: check for check in ran.json["checks"]}
    assert ran.status == 1
    assert found["channel terminal:desk"]["words"] == "unreachable: missing access"
    assert found["outbox"]["words"].endswith("last abandoned: invalid_blocks")
    assert found["source huggingface"]["words"].startswith("http://127.0.0.1/0: answered 500")
    assert found["source arxiv"]["words"].startswith("http://127.0.0.1/1")
    assert "!!  outbox" in filled("doctor").out


def test_doctor_forgets_a_failing_day_that_is_not_asked_for_any_more(filled: CommandLine) -> None:
    store = store_of(filled)
    with store.write() as connection:
        old = datetime.now(UTC) - timedelta(days=3)
        cursor = Cursor("http://127.0.0.1/", "arxiv", fetched_at=old, failures=1, error="cut")
        listings.save_cursor(connection, cursor)
    store.close()
    assert "source arxiv" not in checks(filled)


def test_doctor_tells_of_a_pause_and_of_the_last_quarantined_entry(
    filled: CommandLine, tmp_path: Path
) -> None:
    change(filled, state=ChannelState.PAUSED)
    path = tmp_path / "2026-06-16.json"
    path.write_text(json.dumps([*entries(), {"paper": {}}]))
    filled("ingest", path)
    found = checks(filled)
    assert found["channel terminal:desk"]["words"].startswith("paused")
    assert "entry 4" in found["quarantine"]["words"]


def test_run_once_without_fetching_sends_what_is_due(filled: CommandLine) -> None:
    before = datetime.now(UTC) - timedelta(days=8)
    change(filled, schedule="* * * * *", scheduled_at=before)
    ran = filled("run", "--once", "--no-fetch")
    assert ran.status == 0
    assert ran.out.endswith("0 listings read, 1 digests planned, 2 messages sent\n")
    assert "A study of speech" in ran.out
    assert [row["state"] for row in filled("outbox", "--json").json["messages"]] == ["sent"] * 2


def test_run_once_with_a_source_in_trouble_tells_it_and_ends_with_one(
    paperwire: CommandLine,
) -> None:
    for variable, value in {
        "HUGGINGFACE__BASE_URL": "http://127.0.0.1:9",
        "HUGGINGFACE__SETTLE_DAYS": "0",
        "ARXIV__ENABLED": "false",
        "FETCH__ATTEMPTS": "1",
        "LOG__LEVEL": "error",
    }.items():
        paperwire.monkeypatch.setenv(f"PAPERWIRE_{variable}", value)
    ran = paperwire("run", "--once")
    assert ran.status == 1
    assert ran.err.startswith("huggingface: ")
    assert "0 listings read" in ran.out


def test_a_back_fill_that_gets_no_answer_ends_with_one(paperwire: CommandLine) -> None:
    paperwire.monkeypatch.setenv("PAPERWIRE_HUGGINGFACE__BASE_URL", "http://127.0.0.1:9")
    paperwire.monkeypatch.setenv("PAPERWIRE_FETCH__ATTEMPTS", "1")
    ran = paperwire("backfill", "--since", "2026-06-15", "--until", "2026-06-15", "--json")
    assert ran.status == 1
    assert ran.err.startswith("http://127.0.0.1:9/api/daily_papers?")
    assert "--since 'June' is no day" in paperwire.refused("backfill", "--since", "June")
