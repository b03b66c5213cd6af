"""Listings, cursors, wanted papers and votes in the store; and what the next digest looks at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.domain import (
    Announce,
    Channel,
    Digest,
    DigestKind,
    Entry,
    Feedback,
    Listing,
    Outcome,
    Person,
    Profile,
    Reject,
    Signal,
    Via,
)
from bot.services.ingest import Ingested, ingest, repair
from bot.services.upkeep import tidy
from bot.store import Store, channels, digests, feedback, listings, papers, passed
from bot.store.feedback import Ballot, Submission
from bot.store.listings import Cursor
from bot.store.passed import Passed

NOW = datetime(2026, 6, 15, 6, tzinfo=UTC)
MONDAY = date(2026, 6, 15)
TUESDAY = date(2026, 6, 16)


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store(None)
    yield opened
    opened.close()


def bring(
    store: Store,
    *entries: Entry,
    source: str = "arxiv",
    day: date | None = MONDAY,
    fresh: bool = True,
    now: datetime = NOW,
    **facts: Any,
) -> Ingested:
    listing = Listing(source, day, len(entries), entries, **facts)
    body = repr((source, day, entries, facts)).encode()
    return ingest(store, listing, body, location="a file", now=now, fresh=fresh)


def paper(number: int, **facts: Any) -> Entry:
    return Entry(f"Paper {number}", arxiv_id=f"2606.{number:05}", **facts)


def add_channel(store: Store, **settings: Any) -> Channel:
    name = f"desk-{len(settings)}"
    channel = Channel(0, "terminal", name, name, Profile(), **settings)
    with store.write() as connection:
        return channels.insert(connection, channel, private=False, now=NOW)


def candidates(store: Store, channel: Channel, after: int = 0) -> list[str]:
    with store.read() as connection:
        upto = digests.head(connection)
        found = digests.fresh_papers(connection, channel.sources, after=after, upto=upto)
    return [one.title for one in found]


def head(store: Store) -> int:
    with store.read() as connection:
        return digests.head(connection)


# --- what the next digest looks at --------------------------------------------------------------


def test_new_and_cross_listed_papers_are_candidates_and_replacements_are_not(store: Store) -> None:
    bring(store, *(paper(n, announce=kind) for n, kind in enumerate(Announce)))
    assert candidates(store, add_channel(store)) == ["Paper 0", "Paper 1"]


def test_a_paper_is_a_candidate_once_however_many_sources_bring_it(store: Store) -> None:
    channel = add_channel(store)
    bring(store, paper(1), source="arxiv")
    seen = head(store)
    bring(store, paper(1), paper(2), source="huggingface")
    assert candidates(store, channel) == ["Paper 1", "Paper 2"]
    assert candidates(store, channel, after=seen) == ["Paper 2"]


def test_a_channel_that_reads_one_source_meets_a_paper_when_that_source_brings_it(
    store: Store,
) -> None:
    channel = add_channel(store, sources=("huggingface",))
    bring(store, paper(1), source="arxiv")
    seen = head(store)
    assert candidates(store, channel) == []
    bring(store, paper(1), source="huggingface")
    assert candidates(store, channel, after=seen) == ["Paper 1"]


def test_a_channel_may_read_one_category_of_a_source(store: Store) -> None:
    channel = add_channel(store, sources=("arxiv:cs.CL", "my-journal"))
    bring(store, paper(1, categories=("cs.AI", "cs.CL")), paper(2, categories=("cs.CV",)))
    bring(store, paper(3), source="my-journal")
    bring(store, paper(4, categories=("cs.CL",)), source="huggingface")
    assert candidates(store, channel) == ["Paper 1", "Paper 3"]


def test_a_paper_first_met_as_a_replacement_is_a_candidate_once_it_is_announced(
    store: Store,
) -> None:
    channel = add_channel(store)
    bring(store, paper(1, announce=Announce.REPLACE))
    seen = head(store)
    bring(store, paper(1), source="huggingface", day=TUESDAY)
    assert candidates(store, channel, after=seen) == ["Paper 1"]


def test_a_paper_looked_up_by_id_is_a_candidate_once_its_source_announces_it(store: Store) -> None:
    channel = add_channel(store)
    bring(store, paper(1), day=None, fresh=False)
    seen = head(store)
    assert candidates(store, channel) == []
    bring(store, paper(1), day=TUESDAY)
    assert candidates(store, channel, after=seen) == ["Paper 1"]


def test_a_paper_looked_up_by_id_is_a_candidate_when_another_source_announces_it(
    store: Store,
) -> None:
    channel = add_channel(store)
    bring(store, paper(1), day=None, fresh=False)
    seen = head(store)
    bring(store, paper(1), source="huggingface", day=TUESDAY)
    assert candidates(store, channel, after=seen) == ["Paper 1"]


def test_a_back_filled_day_polled_again_for_its_votes_is_not_announced(store: Store) -> None:
    channel = add_channel(store)
    bring(store, paper(1, upvotes=3), source="huggingface", fresh=False)
    bring(store, paper(1, upvotes=9), source="huggingface")
    assert candidates(store, channel) == []


def test_a_day_polled_again_for_its_votes_announces_only_what_is_new_on_it(store: Store) -> None:
    channel = add_channel(store)
    bring(store, paper(1, upvotes=3), source="huggingface")
    seen = head(store)
    again = bring(store, paper(1, upvotes=9), paper(2), source="huggingface")
    assert (again.outcome, again.new, again.updated) == (Outcome.OK, 1, 1)
    assert candidates(store, channel, after=seen) == ["Paper 2"]


# --- listings -----------------------------------------------------------------------------------


def test_a_listing_keeps_its_counts_and_its_quarantine(store: Store) -> None:
    rejects = (Reject(2, "No Id", "there is no id", raw="x" * 20_000), Reject(3, "", "cut"))
    done = bring(store, paper(1), rejects=rejects)
    with store.read() as connection:
        [row] = listings.latest(connection, 5)
        kept = listings.quarantined(connection, 5)
        raw = connection.execute("SELECT raw FROM quarantine ORDER BY id").fetchone()["raw"]
    assert (done.declared, done.parsed, done.quarantined, done.new) == (1, 1, 2, 1)
    assert (row["declared"], row["parsed"], row["quarantined"], row["new"]) == (1, 1, 2, 1)
    assert (row["source"], row["listed_on"], row["outcome"]) == ("arxiv", "2026-06-15", "ok")
    assert [(k["position"], k["label"], k["reason"]) for k in kept] == [
        (3, "", "cut"),
        (2, "No Id", "there is no id"),
    ]
    assert len(raw) == listings.RAW_KEPT


def test_a_broken_answer_read_twice_is_broken_twice_and_kept_once(store: Store) -> None:
    outcomes = [bring(store, outcome=Outcome.BROKEN, note="a web page").outcome for _ in range(2)]
    with store.read() as connection:
        assert len(listings.latest(connection, 5)) == 1
    assert outcomes == [Outcome.BROKEN, Outcome.BROKEN]


def test_a_day_of_replacements_of_known_papers_is_not_stale(store: Store) -> None:
    bring(store, paper(1), paper(2))
    later = [paper(n, announce=Announce.REPLACE, version=2) for n in (1, 2)]
    assert bring(store, *later, day=TUESDAY).outcome is Outcome.OK


def test_a_day_with_one_new_paper_among_known_ones_is_not_stale(store: Store) -> None:
    bring(store, paper(1))
    assert bring(store, paper(1), paper(2), day=TUESDAY).outcome is Outcome.OK


def test_a_listing_of_a_thousand_known_papers_is_recognised_as_stale(store: Store) -> None:
    entries = [paper(n) for n in range(1200)]
    bring(store, *entries)
    done = bring(store, *entries, day=TUESDAY)
    assert done.outcome is Outcome.STALE
    assert "1200" in done.note


def test_an_entry_twice_in_one_listing_is_one_paper(store: Store) -> None:
    done = bring(store, paper(1), paper(1, upvotes=4))
    assert (done.parsed, done.new, done.updated) == (2, 1, 1)


# --- cursors and wanted papers ------------------------------------------------------------------


def test_a_cursor_comes_back_as_it_was_saved(store: Store) -> None:
    cursor = Cursor(
        url="http://127.0.0.1/a?date=2026-06-15",
        source="huggingface",
        etag='"one"',
        last_modified="Mon, 15 Jun 2026 06:00:00 GMT",
        fetched_at=NOW,
        succeeded_at=NOW,
        not_before=NOW + timedelta(hours=1),
        failures=2,
        error="busy",
    )
    empty = Cursor(url="http://127.0.0.1/b", source="arxiv")
    with store.write() as connection:
        listings.save_cursor(connection, cursor)
        listings.save_cursor(connection, empty)
        assert listings.cursor(connection, cursor.url) == cursor
        assert listings.cursor(connection, "http://127.0.0.1/c") is None
        assert listings.cursors(connection) == (empty, cursor)
        assert listings.forget_cursors(connection, NOW + timedelta(seconds=1)) == 1


def wanted(store: Store, now: datetime = NOW) -> tuple[str, ...]:
    with store.read() as connection:
        return listings.wanted(connection, now, 10)


def test_a_wanted_paper_is_asked_for_once_and_again_after_a_while(store: Store) -> None:
    with store.write() as connection:
        listings.want(connection, "2606.00001", NOW)
        listings.want(connection, "2606.00001", NOW)
    assert wanted(store) == ("2606.00001",)
    later = NOW + timedelta(hours=1)
    with store.write() as connection:
        listings.answer_wanted(connection, "2606.00001", not_before=later, answer="")
    assert wanted(store) == ()
    assert wanted(store, later) == ("2606.00001",)
    bring(store, paper(1))
    assert wanted(store, later) == ()


def test_a_paper_the_source_did_not_know_is_asked_for_again_when_a_person_asks_again(
    store: Store,
) -> None:
    with store.write() as connection:
        listings.want(connection, "2606.00001", NOW)
        listings.answer_wanted(connection, "2606.00001", not_before=NOW, answer="unknown there")
    later = NOW + timedelta(days=1)
    assert wanted(store, later) == ()
    with store.write() as connection:
        listings.want(connection, "2606.00001", later)
    assert wanted(store, later) == ("2606.00001",)


# --- votes --------------------------------------------------------------------------------------


def vote_on(store: Store) -> Ballot:
    channel = add_channel(store)
    bring(store, paper(1))
    with store.read() as connection:
        key = feedback.key_of(connection, Person("terminal", "ada"))
    return Ballot(channel.id, 1, key)


def set_signal(store: Store, ballot: Ballot, *, on: bool, via: Via = Via.BUTTON) -> bool:
    with store.write() as connection:
        return feedback.set_signal(connection, ballot, Signal.LIKE, on=on, via=via, now=NOW)


def test_a_signal_switched_on_twice_counts_once_and_off_twice_changes_once(store: Store) -> None:
    ballot = vote_on(store)
    assert [set_signal(store, ballot, on=on) for on in (False, True, True, False, False)] == [
        False,
        True,
        False,
        True,
        False,
    ]
    with store.read() as connection:
        [row] = feedback.every(connection, ballot.channel_id)
        assert feedback.active(connection, ballot.channel_id) == ()
    assert not row.active


def test_a_person_is_stored_as_a_keyed_hash_that_differs_between_installations() -> None:
    keys = []
    for _ in range(2):
        store = Store(None)
        with store.read() as connection:
            keys.append(feedback.key_of(connection, Person("slack", "U1")))
            again = feedback.key_of(connection, Person("slack", "U1", may_manage=False))
            other = feedback.key_of(connection, Person("discord", "U1"))
        assert again == keys[-1] != other
        store.close()
    assert keys[0] != keys[1]
    assert all(len(key) == 32 and "U1" not in key for key in keys)


def test_what_stood_by_one_way_is_told_from_another(store: Store) -> None:
    ballot = vote_on(store)
    set_signal(store, ballot, on=True, via=Via.REACTION)
    with store.read() as connection:
        given = feedback.given(connection, ballot.channel_id, [1, 2], Via.REACTION)
        assert {key: on for key, (on, _) in given.items()} == {
            (1, ballot.person, Signal.LIKE): True
        }
        assert feedback.given(connection, ballot.channel_id, [1, 2], Via.BUTTON) == {}
        assert feedback.on_paper(connection, ballot.channel_id, 1) == {Signal.LIKE: 1}
        assert feedback.signals(connection, ballot) == {Signal.LIKE}


def test_forgetting_a_person_takes_votes_and_submissions_and_no_one_elses(store: Store) -> None:
    ballot = vote_on(store)
    other = Ballot(ballot.channel_id, 1, "other")
    set_signal(store, ballot, on=True)
    set_signal(store, other, on=True)
    with store.write() as connection:
        feedback.submit(connection, Submission(ballot.channel_id, "2606.00009", ballot.person), NOW)
        assert feedback.forget(connection, ballot.person, NOW) == {Signal.LIKE: 1}
        [left] = feedback.every(connection, ballot.channel_id)
        submitted = connection.execute("SELECT count(*) FROM submissions").fetchone()[0]
    assert left.person == "other"
    assert submitted == 0


def test_restored_votes_do_not_overwrite_what_was_said_since(store: Store) -> None:
    ballot = vote_on(store)
    set_signal(store, ballot, on=True)
    old = Feedback(ballot.channel_id, 1, ballot.person, Signal.LIKE, False, NOW, Via.IMPORT)
    more = Feedback(ballot.channel_id, 1, ballot.person, Signal.SAVE, True, NOW, Via.IMPORT)
    with store.write() as connection:
        assert feedback.restore(connection, [old, more]) == 1
        assert feedback.saved(connection, ballot.channel_id, ballot.person) == (1,)
        assert feedback.signals(connection, ballot) == {Signal.LIKE, Signal.SAVE}


def test_an_event_is_claimed_once_and_an_event_without_a_name_always(store: Store) -> None:
    with store.write() as connection:
        seen = [feedback.first_seen(connection, name, NOW) for name in ("e1", "e1", "", "")]
    assert seen == [True, False, True, True]


def test_a_submission_is_found_once_its_paper_is_stored(store: Store) -> None:
    channel = add_channel(store)
    submission = Submission(channel.id, "2606.00001", "somebody")
    with store.write() as connection:
        feedback.submit(connection, submission, NOW)
        assert feedback.found_submissions(connection) == ()
    bring(store, paper(1))
    with store.write() as connection:
        assert feedback.found_submissions(connection) == ((submission, 1),)
        feedback.close_submission(connection, submission)
        assert feedback.found_submissions(connection) == ()


# --- upkeep -------------------------------------------------------------------------------------


def test_upkeep_drops_what_no_one_will_ask_for_and_keeps_the_rest(store: Store) -> None:
    channel = add_channel(store)
    bring(store, paper(1))
    long_ago = NOW - timedelta(days=120)
    with store.write() as connection:
        feedback.first_seen(connection, "old", long_ago)
        feedback.first_seen(connection, "new", NOW)
        for slot, planned in (("2026-02-15T09:00", long_ago), ("2026-06-15T09:00", NOW)):
            digest = Digest(0, channel.id, slot, DigestKind.DAILY, planned, 1, 0)
            number = digests.insert(connection, digest, upto=1, quiet=True)
            assert number is not None
            drop = Passed(1, 40, "threshold", 10.0, "match 40, the threshold is 50")
            passed.insert(connection, number, [drop])
        listings.save_cursor(connection, Cursor("http://127.0.0.1/", "arxiv", fetched_at=long_ago))
    assert tidy(store, NOW) == 3
    assert tidy(store, NOW) == 0
    with store.read() as connection:
        assert len(digests.every(connection, channel.id)) == 2
        newest = digests.passed_over(connection, channel.id, 1)
        assert papers.count(connection) == 1
        assert digests.was_quiet(connection, channel.id)
    assert newest is not None
    assert newest[1].words == "match 40, the threshold is 50"


def test_entries_repaired_alone_have_the_key_of_their_first_author() -> None:
    text = repair(Entry("A Title", authors=("Ada Example", "Bo Sample")))
    assert text.author_key == repair(Entry("Other", authors=("A. Example",))).author_key
    assert repair(Entry("A Title")).author_key == ""
