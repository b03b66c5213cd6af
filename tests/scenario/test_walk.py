"""A walk through README.md and deploy/README.md: in an empty directory, with an empty environment.

Every command in a shell block is run in its order, but for those named in NOT_HERE with the reason.
A text block right after a shell block is what the commands print; … stands for anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest

from bot import __version__
from bot.cli.reference import rewrite_digest

ROOT = Path(__file__).resolve().parents[2]
README, DEPLOY = ROOT / "README.md", ROOT / "deploy" / "README.md"
SHELL = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
NO_NETWORK = {"PAPERWIRE_HUGGINGFACE__ENABLED": "false", "PAPERWIRE_ARXIV__ENABLED": "false"}
FOR_INSTALLERS = re.compile(r"^(PIP_|UV_|SSL_|REQUESTS_CA|CURL_CA|HTTPS?_PROXY|NO_PROXY)")

NOT_HERE = {
    "docker ": "needs a container engine; tests/scenario/test_wheel.py replays the image's steps",
    "sudo ": "changes the machine; the soak runs it below a folder, test_deploy.py reads the unit",
    "kubectl ": "needs a cluster; tests/unit/test_deploy.py validates what is handed to it",
    "make test": "is what runs this",
}


@dataclass(frozen=True, slots=True)
class Block:
    """Commands as written, with what is typed at each, and what they print in all."""

    commands: tuple[tuple[str, str], ...]
    output: str | None


def blocks(path: Path) -> Iterator[Block]:
    for match in SHELL.finditer(path.read_text(encoding="utf-8")):
        commands: list[tuple[str, str]] = []
        for line in match[1].splitlines():
            if line.startswith("  ") and commands:
                command, typed = commands.pop()
                commands.append((command, f"{typed}{line.strip()}\n"))
            elif line.strip():
                commands.append((re.sub(r"\s+#.*$", "", line), ""))
        yield Block(tuple(commands), match[2])


def reason_not_to_run(command: str) -> str | None:
    return next((why for start, why in NOT_HERE.items() if command.startswith(start)), None)


def fits(output: str, told: str) -> bool:
    """Tell whether output is what the text says; … is anything in a line, alone any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
        for line in told.splitlines()
    )
    return re.fullmatch(pattern, output) is not None


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what a clone would hold into an empty directory."""
    folder = tmp_path_factory.mktemp("walk") / "paperwire"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def environment(checkout: Path) -> dict[str, str]:
    """Return an environment with a home, a PATH and what an installer needs to reach its index."""
    home = checkout.parent / "home"
    home.mkdir()
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    python = Path(sys.base_prefix) / "bin"
    passed_on = {k: v for k, v in os.environ.items() if FOR_INSTALLERS.match(k)}
    return {
        **passed_on,
        **NO_NETWORK,
        "HOME": str(home),
        "PATH": f"{python}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "XDG_CACHE_HOME": cache,  # what was fetched once need not be fetched again for a test
    }


@pytest.fixture(scope="module")
def pipx(checkout: Path, environment: dict[str, str]) -> Path:
    """Install pipx into an environment of its own; return its program."""
    folder = checkout.parent / "pipx"
    made = f"python3 -m venv {folder} && {folder}/bin/pip install --quiet pipx"
    status, output = run(made, "", checkout, environment)
    assert status == 0, output
    return folder / "bin" / "pipx"


def pins(path: Path) -> set[tuple[str, str]]:
    """Return the names and versions that a requirements file pins for any Python."""
    found = re.findall(r"^([\w.-]+)==(\S+)", path.read_text(), re.MULTILINE)
    return {(name.lower().replace("_", "-").replace(".", "-"), version) for name, version in found}


def installed(packages: Path) -> set[tuple[str, str]]:
    """Return the names and versions of what is installed in a folder, but for ourselves."""
    found = {
        (str(one.name).lower().replace("_", "-").replace(".", "-"), one.version)
        for one in distributions(path=[str(packages)])
    }
    return {(name, version) for name, version in found if name not in {"paperwire", "pip"}}


def run(command: str, typed: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.install
def test_every_command_of_the_readme_works(checkout: Path, environment: dict[str, str]) -> None:
    printed: dict[str, str] = {}
    for block in blocks(README):
        for command, typed in block.commands:
            if reason_not_to_run(command):
                continue
            status, output = run(command, typed, checkout, environment)
            printed[command] = output
            assert status == 0, f"{command}\n{output}"
            assert "Traceback" not in output
    assert {"make demo", "make install", ".venv/bin/paperwire doctor"} <= set(printed)
    status, after = run(".venv/bin/paperwire profile language-lab", "", checkout, environment)
    assert status == 1, after  # the demonstration leaves nothing behind
    _say_every_command(README.read_text(encoding="utf-8"), checkout, environment)


def _say_every_command(text: str, checkout: Path, environment: dict[str, str]) -> None:
    """Type what the README shows of /papers, with words for its placeholders."""
    table = re.findall(r"^\| `(/papers [^|]*)\|", text, re.MULTILINE)
    assert len(table) >= 6
    for cell in table:
        said = re.findall(r"`([^`]+)`", f"`{cell}")
        first, *others = [part.removeprefix("/papers ") for part in said]
        for words in (first, *(w for w in others if not w.endswith((":", "2026-06")))):
            typed = words.replace("QUERY", "speech").replace("LINK", "2606.00001")
            verb = typed.split()[0]
            status, output = run(".venv/bin/paperwire chat", f"{typed}\n", checkout, environment)
            assert status == 0, output
            assert f"no command '{verb}'" not in output.lower(), output
            assert "Traceback" not in output


@pytest.mark.install
def test_every_command_of_the_deployment_guide_works_and_prints_what_it_says(
    checkout: Path, environment: dict[str, str], pipx: Path
) -> None:
    run("make install", "", checkout, environment)
    tools = Path(sys.executable).parent  # uv is one of the test tools
    here = {
        **environment,
        "PATH": f"{checkout}/.venv/bin:{environment['PATH']}:{tools}:{pipx.parent}",
        "HOME": str(checkout.parent / "server"),
        "PAPERWIRE_HOME": str(checkout.parent / "server" / "wire"),
        # Beside what uv tool installs, which is under the same name.
        "PIPX_HOME": str(checkout.parent / "server" / "pipx"),
        "PIPX_BIN_DIR": str(checkout.parent / "server" / "bin"),
    }
    Path(here["PAPERWIRE_HOME"]).mkdir(parents=True)
    ran = 0
    for block in blocks(DEPLOY):
        said, left_out = "", 0
        for command, typed in block.commands:
            if reason_not_to_run(command):
                left_out += 1
                continue
            status, output = run(command, typed, checkout, here)
            ran += 1
            assert "Traceback" not in output
            refusal = block.output is not None and block.output.startswith("paperwire: ")
            assert status == (1 if refusal else 0), f"{command}\n{output}"
            said += output
        if block.output is not None:
            assert left_out == 0
            assert fits(said, block.output), f"{block.commands} printed:\n{said}"
    assert ran >= 9
    server = checkout.parent / "server"
    for program in (server / ".local" / "bin" / "paperwire", server / "bin" / "paperwire"):
        status, output = run(f"{program} --version", "", checkout, here)
        assert (status, output) == (0, f"paperwire, version {__version__}\n")
        [packages] = program.resolve().parents[1].glob("lib/python3.*/site-packages")
        assert len(installed(packages)) > 40
        assert installed(packages) <= pins(checkout / "deploy" / "requirements.txt")


@pytest.mark.soak
def test_the_steps_for_systemd_install_a_program_that_runs(
    checkout: Path, environment: dict[str, str]
) -> None:
    """The lines with ``sudo``, below an empty folder instead of /; nothing is handed to systemd."""
    root = checkout.parent / "root"
    (root / "opt").mkdir(parents=True)
    (root / "etc" / "systemd" / "system").mkdir(parents=True)
    [block] = [one for one in blocks(DEPLOY) if one.commands[0][0].startswith("sudo ")]
    for command, _ in block.commands:
        below = re.sub(r"(?<![\w.])/(opt|etc)/", rf"{root}/\1/", command.removeprefix("sudo "))
        if below.startswith("systemctl ") or " init slack" in below:
            continue  # a machine's own, and a conversation: tests/scenario/test_connect.py
        status, output = run(below, "", checkout, environment)
        assert status == 0, f"{command}\n{output}"
    unit = (root / "etc" / "systemd" / "system" / "paperwire.service").read_text()
    started = re.findall(r"^ExecStart=/(\S+) run$", unit, re.MULTILINE)
    status, output = run(f"{root / started[0]} --version", "", root, environment)
    assert (status, output) == (0, f"paperwire, version {__version__}\n")


@pytest.mark.soak
def test_pipx_takes_the_pins_without_uv_as_well(
    checkout: Path, environment: dict[str, str], pipx: Path
) -> None:
    """The walk has uv at hand, which pipx prefers; pip takes constraints without hashes only."""
    [commands] = [
        [command for command, _ in block.commands]
        for block in blocks(DEPLOY)
        if block.commands[-1][0].startswith("pipx install")
    ]
    folder = checkout.parent / "with-pip"
    here = {
        **environment,
        "PIPX_HOME": str(folder),
        "PIPX_BIN_DIR": str(folder / "bin"),
        "PIPX_DEFAULT_BACKEND": "pip",
        "PATH": f"{environment['PATH']}:{pipx.parent}",
    }
    for command in commands:
        status, output = run(command, "", checkout, here)
        assert status == 0, output
    [packages] = (folder / "venvs" / "paperwire").glob("lib/python3.*/site-packages")
    assert installed(packages) <= pins(checkout / "deploy" / "requirements.txt")


@pytest.mark.parametrize("path", [README, DEPLOY], ids=lambda path: path.parent.name)
def test_every_command_that_the_text_names_exists_with_its_options(path: Path) -> None:
    import click

    from bot.cli.main import COMMANDS, front

    text = path.read_text(encoding="utf-8")
    named = re.findall(r"paperwire ([a-z]+(?: [a-z-]+)*)((?: --[a-z-]+)*)", text)
    assert len(named) > 5
    context = click.Context(front, info_name="paperwire")
    for words, options in set(named):
        name, *below = words.split()
        if name not in COMMANDS:
            # In prose the name is followed by a verb, not by a command.
            assert f"`paperwire {name}" not in text, words
            assert f"\npaperwire {name}" not in text, words
            continue
        command = front.get_command(context, name)
        if isinstance(command, click.Group) and below and below[0] in command.commands:
            command = command.commands[below[0]]
        assert command is not None
        known = {option for param in command.params for option in param.opts}
        for option in options.split():
            assert option in known, f"paperwire {words}{options}"


@pytest.mark.parametrize("path", [README, DEPLOY], ids=lambda path: path.parent.name)
def test_every_fence_is_commands_or_what_one_sees(path: Path) -> None:
    fences = re.findall(r"^ *(?:```|~~~)(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences[::2]) == {"sh", "text"}
    assert set(fences[1::2]) == {""}
    assert fences.count("sh") == len(list(blocks(path)))


def test_what_is_not_run_is_there_to_be_run_elsewhere() -> None:
    commands = [
        command
        for path in (README, DEPLOY)
        for block in blocks(path)
        for command, _ in block.commands
    ]
    for start in NOT_HERE:
        assert any(command.startswith(start) for command in commands), start


def test_the_digest_in_the_readme_is_what_the_demonstration_prints() -> None:
    text = README.read_text(encoding="utf-8")
    assert rewrite_digest(text) == text, "run: make docs"


def test_the_readme_is_under_two_screens() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < 90


@pytest.mark.parametrize(
    ("told", "output", "expected"),
    [
        ("a … c\n", "a b c\n", True),
        ("a … c\n", "a b\n", False),
        ("a\n…\nz\n", "a\nb\nc\nz\n", True),
        ("a\n…\n", "b\na\n", False),
        ("a.\n", "ab\n", False),
    ],
)
def test_dots_stand_for_anything_and_nothing_else_does(
    told: str, output: str, expected: bool
) -> None:
    assert fits(output, told) is expected
