"""Keeping it: ``backup``, ``restore`` and ``migrate``."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.desk import Desk, now, print_json
from bot.domain import PaperwireError


@click.command("backup")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def backup_command(desk: Desk, target: Path | None, as_json: bool) -> None:
    """Copy the database, also while Paperwire runs, to TARGET: a new file or a folder.

    Without TARGET it goes where the rotating back-ups are (backup.folder). The copy is one moment
    of the database; it is checked before it appears, and only you can read it. The settings
    file and the secret files are not in it.

    \b
    --json prints {"path", "bytes"}.
    """
    from bot.services.backup import back_up, name_at

    moment = now()
    path = target or desk.settings.backup_folder / name_at(moment)
    if path.is_dir():
        path /= name_at(moment)
    made = back_up(desk.settings.database_path, path.absolute(), moment)
    if as_json:
        print_json({"path": str(made.path), "bytes": made.size})
        return
    click.echo(f"Backed up to {made.path} ({made.size / 1e6:.1f} MB, checked)")


@click.command("restore")
@click.argument("backup", type=click.Path(path_type=Path))
@click.option(
    "--nothing-posted-since",
    is_flag=True,
    help="Nothing was posted after the back-up was made, as when you move to another machine.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def restore_command(desk: Desk, backup: Path, nothing_posted_since: bool, as_json: bool) -> None:
    """Put the file BACKUP in the place of the database, and keep the former one beside it.

    Paperwire must not be running. What was posted between the back-up and now is in the channels
    and not in the back-up. So that nothing is posted twice, slots of that time count as done and
    papers of that time are passed over where a slot came; /papers why says so of each.

    \b
    --json prints {"database", "made_at", "replaced", "rows": {TABLE: N}, "doubted", "channels"}.
    """
    from bot.app import take_lock
    from bot.services.backup import restore

    lock = take_lock(desk.settings)
    try:
        done = restore(
            desk.settings.database_path,
            backup.absolute(),
            now(),
            nothing_posted_since=nothing_posted_since,
        )
    finally:
        lock.release()
    if as_json:
        print_json(
            {
                "database": str(desk.settings.database_path),
                "made_at": done.made_at.isoformat(),
                "replaced": str(done.replaced) if done.replaced else None,
                "rows": done.rows,
                "doubted": done.doubted,
                "channels": list(done.channels),
            }
        )
        return
    click.echo(f"Restored {desk.settings.database_path} as of {done.made_at:%Y-%m-%d %H:%M} UTC:")
    click.echo("  " + ", ".join(f"{table} {count}" for table, count in done.rows.items()))
    if done.doubted:
        click.echo(f"  {done.doubted} open messages are looked for before they are sent.")
    for channel in done.channels:
        click.echo(f"  {channel}: what may have been posted since is not posted again.")
    if done.replaced:
        click.echo(f"The former database is kept as {done.replaced}")
    click.echo("Next: paperwire doctor, then paperwire run")


@click.command("migrate")
@click.option("--check", is_flag=True, help="Only say what is to be done; change nothing.")
@click.pass_obj
def migrate_command(desk: Desk, check: bool) -> None:
    """Bring the database up to this version, keeping a back-up of it as it was.

    'paperwire run' does so by itself at its start. A database of a newer version is refused.

    \b
    Exit status of --check: 0 when nothing is to be done, 1 when something is.
    """
    from bot.app import take_lock
    from bot.services.backup import back_up_before_upgrade
    from bot.services.upgrade import bring_up, standing_of

    path = desk.settings.database_path
    standing = standing_of(path)
    if standing is None:
        click.echo(f"There is no database {path} yet; the first command that needs one makes it.")
        return
    if not standing.pending:
        click.echo(f"{path} is up to date ({standing.applied[-1]}).")
        return
    names = ", ".join(standing.pending)
    if check:
        raise PaperwireError(f"{path} lacks {names}. Stop Paperwire, then: paperwire migrate")
    lock = take_lock(desk.settings)
    try:
        kept = back_up_before_upgrade(path, desk.settings.backup_folder, now())
        bring_up(path)
    finally:
        lock.release()
    click.echo(f"Applied {names} to {path}")
    if kept is not None:
        click.echo(f"As it was: {kept.path}")
