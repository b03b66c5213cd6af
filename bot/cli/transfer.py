"""Data out and in: ``export``, ``import`` and ``forget``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from bot.cli.desk import Desk, now, print_json
from bot.domain import Channel, PaperwireError, Signal

KEY_INSIDE = (
    "This export holds the key that persons are hashed with: with it anyone can find out which "
    "votes are whose. Keep it as secret as a password, and delete it once it was read elsewhere."
)
NOBODYS = (
    "If it was made by another installation, nobody here can take these votes back or have them "
    "forgotten; an export made with --with-person-key is the way to move."
)


@click.command("export")
@click.option("--channel", help="Only this channel, by number, name or address.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "bibtex", "ris", "csl"]),
    default="json",
    help="json: everything; the others: saved papers, for reference managers.",
)
@click.option(
    "--with-person-key",
    is_flag=True,
    help="Add the key that persons are hashed with, to move to another machine. It is a secret.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
@click.pass_obj
def export_command(
    desk: Desk, channel: str | None, form: str, with_person_key: bool, output: Path | None
) -> None:
    """Write channels with profiles, votes and saved papers as JSON, to read elsewhere or later.

    \b
    {"format": 1, "channels": [{"platform", "address", "name", "profile", "timezone", "schedule",
    "size", "threshold", "sources", "layout", "mode", "you_missed", "quiet_note", "explore",
    "prefer_source_summary", "state", "votes": [{"paper", "person", "signal", "active",
    "changed_at"}], "saved": [PAPER]}], "papers": [{"paper", "arxiv_id", "doi", "title",
    "abstract", "authors", "categories", "url", "published"}]}
    Persons are keyed hashes; no token and no name of a person is in it. Where it is read back on
    another machine, nobody there can take their votes back or have them forgotten, unless
    --with-person-key puts "person_key" into it. Keep such a file as secret as a password: with it
    anyone can find out which votes are whose.

    Or only the saved papers, as BibTeX, RIS or CSL-JSON:

    \b
    paperwire export --format bibtex --channel desk --output saved.bib
    """
    from bot.services.transfer import export

    only = [desk.channel(channel)] if channel else None
    if form != "json":
        if with_person_key:
            raise click.UsageError("--with-person-key goes with the format json alone.")
        _export_saved(desk, only, form, output)
        return
    data = export(desk.store, only, with_person_key=with_person_key)
    if with_person_key:
        click.echo(KEY_INSIDE, err=True)
    if output is None:
        print_json(data)
        return
    _write(output, json.dumps(data, ensure_ascii=False, indent=1), secret=with_person_key)
    click.echo(f"Wrote {output}: {len(data['channels'])} channels, {len(data['papers'])} papers.")


def _export_saved(desk: Desk, only: list[Channel] | None, form: str, output: Path | None) -> None:
    from bot.services.bibliography import Format, write
    from bot.services.library import saved_papers

    papers = saved_papers(desk.store, only)
    text = write(Format(form), papers)
    if output is None:
        click.echo(text, nl=False)
        return
    _write(output, text)
    click.echo(f"Wrote {output}: {len(papers)} saved papers.")


def _write(output: Path, text: str, *, secret: bool = False) -> None:
    try:
        if secret:
            # For its owner only, and before a byte of it is there.
            os.close(os.open(output, os.O_CREAT | os.O_WRONLY, 0o600))
            output.chmod(0o600)
        # Bytes, so that RIS keeps its line ends everywhere.
        output.write_bytes(text.encode("utf-8"))
    except OSError as error:
        raise PaperwireError(f"{output} cannot be written: {error.strerror or error}.") from error


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--channel", help="Whose papers a library is, by number, name or address.")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["liked", "saved"]),
    default="liked",
    help="What a library's papers count as.",
)
@click.pass_obj
def import_command(desk: Desk, path: Path, channel: str | None, kind: str) -> None:
    """Read an export back, or a library (BibTeX, RIS, CSL-JSON) of papers that a channel likes.

    What is already there stays as it is. To read listings of papers instead: paperwire ingest PATH.

    \b
    paperwire import backup.json
    paperwire import library.bib --channel desk
    paperwire import saved.ris --channel desk --as saved
    """
    from bot.services.bibliography import guess
    from bot.services.transfer import restore

    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise PaperwireError(f"{path} cannot be read: {error.strerror or error}.") from error
    form = guess(path.name, text)
    if form is not None:
        from bot.services.library import take_library

        if channel is None:
            raise click.UsageError("A library of papers needs --channel: whose are these?")
        signal = Signal.LIKE if kind == "liked" else Signal.SAVE
        done = take_library(desk.store, desk.channel(channel), form, text, signal, now())
        words = "likes" if signal is Signal.LIKE else "saved papers"
        click.echo(f"Added {done.votes} {words}; {done.papers} of the papers were not known yet.")
        return
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PaperwireError(
            f"{path} is not JSON ({error}). Make an export with: paperwire export --output FILE"
        ) from error
    done = restore(desk.store, data, now())
    click.echo(f"Added {done.channels} channels, {done.papers} papers and {done.votes} votes.")
    if done.owned:
        click.echo("Its people are known here by its key. Delete the file, or keep it secret.")
    elif done.votes:
        click.echo(NOBODYS, err=True)


@click.command("forget")
@click.argument("platform")
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget_command(desk: Desk, platform: str, person: str, yes: bool) -> None:
    """Remove a person's votes and saved papers; PERSON is the platform's own id of them.

    \b
    paperwire forget slack U012AB3CD
    """
    from bot.domain import Person
    from bot.services import manage
    from bot.store import feedback

    if not yes:
        click.confirm(f"Delete all votes and saved papers of {platform} {person}?", abort=True)
    with desk.store.read() as connection:
        key = feedback.key_of(connection, Person(platform, person))
    reply = manage.forget(desk.store, key, now(), confirmed=True)
    click.echo("\n".join((reply.headline, *reply.lines)))
