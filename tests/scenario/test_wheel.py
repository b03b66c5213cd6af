"""The Dockerfile's steps in a clean directory: the wheel, an empty environment, the same entry."""

from __future__ import annotations

import email
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from bot import __version__

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.install

# Of the machine's own environment only what an installer needs to reach its index.
PASSED_ON = re.compile(r"^(PIP_(?!NO_)|UV_(?!NO_)|SSL_|REQUESTS_CA|CURL_CA|HTTPS?_PROXY|NO_PROXY)")
NO_NETWORK = {"PAPERWIRE_HUGGINGFACE__ENABLED": "false", "PAPERWIRE_ARXIV__ENABLED": "false"}


@dataclass(frozen=True, slots=True)
class Image:
    """What the Dockerfile makes, with its paths below ``root`` instead of /."""

    root: Path
    environment: dict[str, str]
    command: list[str]
    health: list[str]

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        home = self.root / "data"
        return subprocess.run(
            [self.program, *words],
            cwd=home,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def program(self) -> Path:
        return self.root / "opt" / "paperwire" / "bin" / "paperwire"

    @property
    def packages(self) -> Path:
        [found] = (self.root / "opt" / "paperwire" / "lib").glob("python3.*/site-packages")
        return found


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Replay deploy/Dockerfile: every COPY, RUN, ENV, and what it starts; users are not made."""
    root = tmp_path_factory.mktemp("image")
    for folder in ("src", "opt", "data", "tmp"):
        (root / folder).mkdir()
    base = root / "base"  # stands in for the Python image
    subprocess.run([sys.executable, "-m", "venv", base], check=True)
    environment = {name: value for name, value in os.environ.items() if PASSED_ON.match(name)}
    environment |= {
        "HOME": os.environ.get("HOME", str(root)),  # where installers keep what they fetched
        "PATH": f"{base}/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }
    stage, started = "", {}
    for word, rest in _steps(ROOT / "deploy" / "Dockerfile"):
        here = _below(rest, root)
        if word == "FROM":
            stage = rest.partition(" AS ")[2]
        elif word == "COPY" and stage == "build":
            *sources, target = here.split()
            for source in sources:
                _copy(ROOT / source, root / "src" / target)
        elif word == "ENV":
            pairs = dict(pair.split("=", 1) for pair in here.split())
            pairs["PATH"] = pairs.get("PATH", "").replace("$PATH", "") + environment["PATH"]
            # What was fetched once need not be fetched again for a test.
            environment |= {k: v for k, v in pairs.items() if "NO_CACHE" not in k}
        elif word == "RUN" and stage == "build":
            subprocess.run(["/bin/sh", "-ec", here], cwd=root / "src", env=environment, check=True)
        elif word in {"ENTRYPOINT", "CMD", "HEALTHCHECK"}:
            started[word] = re.findall(r'"([^"]*)"', rest)
    # The image that runs has the environment of the last stage and nothing else.
    final = {
        "PATH": f"{root}/opt/paperwire/bin:/usr/bin:/bin",
        "HOME": str(root / "data"),
        "TMPDIR": str(root / "tmp"),
        "LANG": "C.UTF-8",
        **{k: v for k, v in environment.items() if k.startswith(("PYTHON", "PAPERWIRE"))},
    }
    return Image(root, final, started["ENTRYPOINT"] + started["CMD"], started["HEALTHCHECK"])


def _steps(path: Path) -> list[tuple[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = [line.split(" ", 1) for line in joined.splitlines() if line.strip()]
    return [(word, rest) for word, rest in found]


def _below(text: str, root: Path) -> str:
    return re.sub(r"(?<![\w.])/(src|opt|data|backups)\b", rf"{root}/\1", text)


def _copy(source: Path, target: Path) -> None:
    ignored = [
        line.strip("/").removeprefix("**/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("**/")
    ]
    if source.is_dir():
        shutil.copytree(
            source,
            target,
            ignore=lambda _, names: [n for n in names if any(fnmatch(n, i) for i in ignored)],
        )
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def test_the_wheel_holds_both_packages_and_all_their_data(image: Image) -> None:
    [wheel] = (image.root / "src" / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.startswith("paperwire-")}
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "bot", "ranking"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert held == {*listed, "bot/platforms/slack/manifest.yaml"}
    assert {"ranking/data/space.npz", "bot/sources/sample/2026-10-05.json"} <= held


def test_the_version_comes_from_one_place(image: Image) -> None:
    [wheel] = (image.root / "src" / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        told = email.message_from_bytes(archive.read(name))
    assert told["Version"] == __version__
    assert image.run("--version").stdout == f"paperwire, version {__version__}\n"


def test_the_demonstration_runs_from_the_wheel(image: Image) -> None:
    done = image.run("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("    https://arxiv.org/abs/") > 10
    doctor = image.run("doctor", **NO_NETWORK)
    assert f"Paperwire {__version__}, from {image.packages}" in doctor.stdout


def test_the_container_gets_well_stops_in_time_and_writes_its_volumes_only(image: Image) -> None:
    home = image.root / "data"
    sealed = _sealed_but_for(home, image.root / "tmp")
    if not _works([*sealed, "/bin/true"]):
        sealed = []  # no right to mount here: then what changed is looked for afterwards
    before = _files(image.root / "opt")
    log = image.root / "tmp" / "log"
    with log.open("w") as sink:
        running = subprocess.Popen(
            [*sealed, image.program, *image.command[1:]],
            cwd=home,
            env={**image.environment, **NO_NETWORK, "PAPERWIRE_LOG__FORMAT": "json"},
            stderr=sink,
        )
        try:
            assert image.run(*image.health[1:]).returncode in {0, 1}
            _wait_until(lambda: image.run(*image.health[1:]).returncode == 0, log)
            late = image.run("run", "--once", "--no-fetch", **NO_NETWORK)
            assert late.returncode == 1
            assert f"Another Paperwire (process {running.pid}) already serves" in late.stderr
            running.send_signal(signal.SIGTERM)
            assert running.wait(timeout=60) == 0, log.read_text()
        finally:
            running.kill()
            running.wait()
    stopped = image.run(*image.health[1:])
    assert stopped.returncode == 1
    assert (
        stopped.stderr == f"paperwire: Paperwire does not run on {home}. Start it: paperwire run\n"
    )
    assert [path.name for path in (home / "backups").iterdir()] != []
    assert _files(image.root / "opt") == before


def _sealed_but_for(*folders: Path) -> list[str]:
    """Return what to put before a command so that it sees a read-only root but for ``folders``."""
    script = ["mount --bind / /", "mount -o remount,ro,bind /"]
    for folder in folders:
        script += [f"mount --bind {folder} {folder}", f"mount -o remount,rw,bind {folder}"]
    # What was opened before is on the old root: come in anew.
    script.append('cd "$PWD" && exec "$@"')
    return ["unshare", "--mount", "/bin/sh", "-ec", "\n".join(script), "sh"]


def _works(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def _files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def _wait_until(done: object, log: Path) -> None:
    assert callable(done)
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.2)


# --- the distribution of another, which claims the name of our second package


@pytest.fixture(scope="session")
def other_ranking(image: Image) -> Path:
    """Fetch the distribution into a folder of its own; return its one module."""
    folder = image.root / "tmp" / "other"
    environment = {k: v for k, v in os.environ.items() if PASSED_ON.match(k)}
    environment |= {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", str(image.root))}
    asked = ["pip", "install", "--quiet", "--no-deps", "--target", folder, "ranking==0.3.2"]
    uv = image.root / "base" / "bin" / "uv"
    python = image.program.with_name("python")
    subprocess.run([uv, *asked, "--python", python], env=environment, check=True)
    return folder / "ranking.py"


def test_paperwire_works_beside_the_distribution_named_ranking(
    image: Image, other_ranking: Path
) -> None:
    beside = image.packages / "ranking.py"  # where an installer puts it
    shutil.copy(other_ranking, beside)
    try:
        done = image.run("demo", "--brief")
    finally:
        beside.unlink()
    assert (done.returncode, done.stderr) == (0, "")


def test_another_ranking_that_comes_first_is_named_and_refused(
    image: Image, other_ranking: Path
) -> None:
    done = image.run("search", "speech", PYTHONPATH=str(other_ranking.parent))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"paperwire: Python finds another 'ranking' first ({other_ranking}); Paperwire's own is "
        f"{image.packages}/ranking. If it is the unrelated distribution of that name, remove it: "
        "pip uninstall ranking. Otherwise take its folder out of PYTHONPATH, or start elsewhere.\n"
    )
