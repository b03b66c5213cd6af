"""Ask for known weaknesses in what is installed: audit.py PIP_AUDIT REQUIREMENTS...

Fails for findings, and never because nobody could be asked: then it says so, and why.
"""

from __future__ import annotations

import json
import subprocess
import sys

SOCKET_SECONDS = 5
SECONDS = 60  # for everything


def main(pip_audit: str, *requirements: str) -> int:
    """Audit the hashed requirement files; return the exit status."""
    found = ask(pip_audit, requirements)
    if isinstance(found, str):
        print(f"pip-audit: not run: {found}")
        return 0
    return tell(found)


def ask(pip_audit: str, requirements: tuple[str, ...]) -> list[dict[str, object]] | str:
    """Return every package as the index knows it, or the reason why nothing is known of any."""
    options = ["--vulnerability-service", "pypi", "--timeout", str(SOCKET_SECONDS)]
    options += ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "-f", "json"]
    files = [word for name in requirements for word in ("-r", name)]
    try:
        ran = subprocess.run(  # noqa: S603  the Makefile says what is run
            [pip_audit, *options, *files],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        packages: list[dict[str, object]] = json.loads(ran.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} seconds"
    except OSError as error:
        return f"{pip_audit} cannot be run ({error.strerror})"
    except (ValueError, KeyError, TypeError):
        last = ran.stderr.strip().splitlines()[-1:] or [f"it ended with status {ran.returncode}"]
        return last[0][:200]
    if all("vulns" not in package for package in packages):
        return f"the index answers, and knows none of the {len(packages)} packages"
    return packages


def tell(packages: list[dict[str, object]]) -> int:
    """Print what was found; return 1 where a package has a known weakness."""
    weak = [package for package in packages if package.get("vulns")]
    for package in weak:
        for weakness in package["vulns"]:  # type: ignore[attr-defined]  # as pip-audit writes it
            fixed = ", ".join(weakness.get("fix_versions") or ()) or "no version yet"
            name = f"{package['name']} {package['version']}"
            print(f"pip-audit: {name} has {weakness['id']}, fixed in {fixed}")
    skipped = [str(package["name"]) for package in packages if "vulns" not in package]
    unknown = f", {len(skipped)} not known there ({', '.join(skipped)})" if skipped else ""
    audited = len(packages) - len(skipped)
    print(f"pip-audit: {audited} packages audited, {len(weak)} with a known weakness{unknown}")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
