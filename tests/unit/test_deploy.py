"""What is deployed: image, compose, systemd, Kubernetes and Litestream files, linted and read."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import __version__
from bot.app import GRACE_SECONDS
from bot.settings.fields import list_settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
SECRETS = {setting.variable.lower() for setting in list_settings() if setting.secret}
VARIABLES = {setting.variable for setting in list_settings()} | {
    "PAPERWIRE_HOME",
    "PAPERWIRE_SECRETS_DIR",
}


def read_yaml(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their continuation lines joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    split = [line.split(" ", 1) for line in joined.splitlines() if line.strip()]
    return [(word, rest) for word, rest in split]


# --- the image


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    tool = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [tool, "--failure-threshold", "style", DEPLOY / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_everything_in_the_image_is_installed_by_hash() -> None:
    for word, rest in instructions():
        for command in rest.split("&&") if word == "RUN" else ():
            if "pip install" in command:
                by_hash = "--require-hashes" in command
                assert by_hash or "--no-deps dist/*.whl" in command, command
    for name in ("requirements.txt", "requirements-image.txt"):
        text = (DEPLOY / name).read_text()
        pins = re.findall(r"^\S+==", text, re.MULTILINE)
        assert pins
        assert len(re.findall(r"^\S+==.*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins)


def test_the_image_runs_as_a_numbered_user_and_has_no_build_tools() -> None:
    steps = instructions()
    last = [index for index, (word, _) in enumerate(steps) if word == "FROM"][-1]
    final = steps[last:]
    assert ("USER", "10001:10001") in final
    assert not any("pip" in rest or "uv " in rest for word, rest in final if word == "RUN")
    copied = [rest for word, rest in final if word == "COPY"]
    assert copied == ["--from=build /opt/paperwire /opt/paperwire"]


def test_what_the_dockerfile_copies_is_let_through_and_nothing_else() -> None:
    steps = instructions()
    wanted = {
        source.rstrip("/")
        for word, rest in steps
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:].rstrip("/") for line in lines if line.startswith("!")}
    assert lines[1] == "*"
    assert let_through == wanted
    assert all((ROOT / path).exists() for path in wanted)


# --- compose


def test_compose_fits_the_published_schema(tmp_path: Path) -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        reason = "the schema of compose files needs check-jsonschema"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    wrong = tmp_path / "compose.yaml"
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("read_only:", "read_onli:"), encoding="utf-8")
    tool = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    for path, expected in ((DEPLOY / "compose.yaml", 0), (wrong, 1)):
        done = subprocess.run([*tool, path], capture_output=True, text=True, check=False)
        assert done.returncode == expected, done.stdout + done.stderr
    assert "'read_onli' was unexpected" in done.stdout


def test_compose_gives_the_container_no_more_than_it_needs() -> None:
    for name, service in read_yaml(DEPLOY / "compose.yaml")["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service, name


def test_compose_names_settings_that_exist_and_files_that_are_there() -> None:
    compose = read_yaml(DEPLOY / "compose.yaml")
    service = compose["services"]["paperwire"]
    assert set(service["environment"]) <= VARIABLES
    for match in re.findall(r"# (PAPERWIRE_\w+):", (DEPLOY / "compose.yaml").read_text()):
        assert match in VARIABLES
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    named = {mount.split(":")[0] for s in compose["services"].values() for mount in s["volumes"]}
    assert {mount for mount in named if not mount.startswith(".")} == set(compose["volumes"])
    assert (DEPLOY / "litestream.yml").is_file()


def test_every_supervisor_waits_longer_than_the_service_takes_to_stop() -> None:
    # The posts in hand, then the platforms: each has its own time.
    needed = 2 * GRACE_SECONDS
    compose = read_yaml(DEPLOY / "compose.yaml")["services"]["paperwire"]["stop_grace_period"]
    pod = read_yaml(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
    assert int(compose.removesuffix("s")) >= needed
    assert int(unit()["Service"]["timeoutstopsec"].removesuffix("s")) >= needed
    assert pod["terminationGracePeriodSeconds"] >= needed


# --- systemd


def unit() -> configparser.ConfigParser:
    read = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    read.read(DEPLOY / "paperwire.service")
    return read


def test_the_unit_lists_every_secret_there_is_a_file_for() -> None:
    text = (DEPLOY / "paperwire.service").read_text()
    loaded = set(re.findall(r"^LoadCredential=(\S+)$", text, re.MULTILINE))
    assert loaded == SECRETS
    assert set(re.findall(r"^Environment=(\w+)=", text, re.MULTILINE)) <= VARIABLES


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"),
        ("StateDirectory", "paperwire"),
    ],
)
def test_the_unit_is_hardened(key: str, value: str) -> None:
    assert unit()["Service"][key.lower()] == value


def test_systemd_rates_the_unit_as_well_protected() -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze here")
    asked = [tool, "security", "--offline=true", "--threshold=15", "--no-pager"]
    done = subprocess.run(
        [*asked, DEPLOY / "paperwire.service"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_COLORS": "0"},
    )
    if "offline" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at a file")
    assert done.returncode == 0, done.stdout
    found = re.search(r"Overall exposure level for paperwire.service: ([01]\.\d) OK", done.stdout)
    assert found is not None
    told = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
    said = f"`systemd-analyze security` (systemd {told.split()[1]}) rates its exposure"
    words = " ".join((DEPLOY / "README.md").read_text(encoding="utf-8").split())
    if said in words:  # another version may see more or less
        assert f"{said} {found[1]} of 10" in words


def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze here")
    text = (DEPLOY / "paperwire.service").read_text()
    here = tmp_path / "paperwire.service"
    here.write_text(text.replace("/opt/paperwire/bin/paperwire", "/bin/true"))
    done = subprocess.run([tool, "verify", here], capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if "paperwire" in line]
    assert (done.returncode, told) == (0, [])


# --- Kubernetes


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.name)
@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_manifests_fit_the_published_schemas(path: Path, version: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # in what the validator imports
        import kubernetes_validate
    try:
        kubernetes_validate.validate(read_yaml(path), version, strict=True)
    except kubernetes_validate.VersionNotSupportedError:
        pytest.fail(f"the validator has no schemas of {version}: choose another")


def test_there_is_one_replica_that_is_replaced_and_never_doubled() -> None:
    deployment = read_yaml(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]
    claim = read_yaml(DEPLOY / "kubernetes" / "volume.yaml")["spec"]
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}
    assert claim["accessModes"] == ["ReadWriteOncePod"]


def test_the_pod_is_not_root_writes_its_volume_only_and_is_probed() -> None:
    pod = read_yaml(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["exec"]["command"] == ["paperwire", "doctor", "--quick"]
    assert {one["name"] for one in container["env"]} <= VARIABLES
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_pod_is_given_no_variables_of_other_services() -> None:
    """A service named paperwire would become PAPERWIRE_PORT, which is no setting."""
    pod = read_yaml(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False


def test_the_image_has_the_version_of_the_program() -> None:
    pod = read_yaml(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == f"paperwire:{__version__}"


def test_the_secret_names_secrets_that_exist_and_holds_none() -> None:
    path = DEPLOY / "kubernetes" / "secret.yaml"
    assert read_yaml(path)["stringData"] == {}
    named = set(re.findall(r"^#  (\w+):", path.read_text(), re.MULTILINE))
    assert named
    assert named <= SECRETS


def test_the_secret_is_made_from_a_folder_of_files(tmp_path: Path) -> None:
    tool = shutil.which("kubectl")
    if tool is None:
        pytest.skip("no kubectl here")
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    told = re.search(r"^kubectl (create secret .*)$", text, re.MULTILINE)
    assert told is not None
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "paperwire_slack__bot_token").write_text("xoxb-made-up")
    done = subprocess.run(
        [tool, *told[1].split(), "--dry-run=client", "--output=yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    secret = yaml.safe_load(done.stdout)
    assert set(secret["data"]) == {"paperwire_slack__bot_token"} <= SECRETS
    pod = read_yaml(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
    mounted = {volume.get("secret", {}).get("secretName") for volume in pod["volumes"]}
    assert secret["metadata"]["name"] in mounted


# --- Litestream


def test_litestream_watches_the_database_of_the_container() -> None:
    [watched] = read_yaml(DEPLOY / "litestream.yml")["dbs"]
    assert "PAPERWIRE_HOME=/data" in image_environment()
    assert watched["path"] == "/data/paperwire.db"
    assert watched["replica"] == {"url": "${LITESTREAM_REPLICA_URL}"}


def image_environment() -> set[str]:
    """Return every NAME=value of the Dockerfile."""
    return {pair for word, rest in instructions() if word == "ENV" for pair in rest.split()}
