"""Has each deploy file checked by the validator that knows its kind: `make deploy-check`.

All of them come with the development dependencies and need no network, but systemd's own, which is
used where it is installed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SCHEMAS = Path(__file__).parent / "schemas"


@dataclass(frozen=True)
class Validator:
    """What is checked, and how: `check` returns what is wrong, nothing if all is well."""

    name: str
    check: Callable[[Path], str]


class NotHere(Exception):
    """This machine lacks the validator. The text says what to install."""


def validators() -> tuple[Validator, ...]:
    """Return every validator; each takes the folder that holds the project."""
    return (
        Validator("docker-compose.yml", _builtin("compose-spec", "docker-compose.yml")),
        Validator("deploy/swarm/stack.yml", _schema("compose-v3.8.json", "deploy/swarm/stack.yml")),
        Validator(".github/workflows", _builtin("github-workflows", ".github/workflows/*.yml")),
        Validator(".github/dependabot.yml", _builtin("dependabot", ".github/dependabot.yml")),
        Validator(
            "issue forms", _builtin("github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml")
        ),
        Validator(
            "issue chooser", _builtin("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml")
        ),
        Validator("fly.toml", _schema("fly.json", "fly.toml")),
        Validator("render.yaml", _schema("render.json", "render.yaml")),
        Validator("railway.json", _schema("railway.json", "railway*.json")),
        Validator("app.json", _schema("heroku-app.json", "app.json")),
        Validator(
            "kustomization.yaml", _schema("kustomization.json", "deploy/k8s/kustomization.yaml")
        ),
        Validator("Dockerfile (hadolint)", _hadolint),
        Validator(".github/workflows (actionlint)", _actionlint),
        Validator(".github (zizmor)", _zizmor),
        Validator("deploy/k8s (kustomize, kubernetes-validate)", _kubernetes),
        Validator("deploy/systemd (systemd-analyze)", _systemd),
        Validator("shell scripts (sh -n)", _shell),
    )


def _builtin(schema: str, pattern: str) -> Callable[[Path], str]:
    return lambda root: _check_schema(root, pattern, "--builtin-schema", f"vendor.{schema}")


def _schema(schema: str, pattern: str) -> Callable[[Path], str]:
    return lambda root: _check_schema(root, pattern, "--schemafile", str(SCHEMAS / schema))


def _check_schema(root: Path, pattern: str, *options: str) -> str:
    return _run(root, BIN / "check-jsonschema", *options, *_files(root, pattern))


def _hadolint(root: Path) -> str:
    return _run(root, BIN / "hadolint", "--no-color", "Dockerfile")


def _actionlint(root: Path) -> str:
    # Without the optional ShellCheck and Ruff, so that the result is the same on every machine.
    found = _files(root, ".github/workflows/*.yml")
    return _run(root, BIN / "actionlint", "-no-color", "-shellcheck=", "-pyflakes=", *found)


def _zizmor(root: Path) -> str:
    return _run(root, BIN / "zizmor", "--offline", "--quiet", "--color=never", ".github")


def _kubernetes(root: Path) -> str:
    built = subprocess.run(
        [BIN / "kubectl", "kustomize", str(root / "deploy/k8s")],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        return built.stderr
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "manifest.yaml"
        manifest.write_text(built.stdout)
        return _run(root, BIN / "kubernetes-validate", "--quiet", "--strict", str(manifest))


def _systemd(root: Path) -> str:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        raise NotHere("systemd-analyze (Debian: apt-get install systemd)")
    wrong = ""
    with tempfile.TemporaryDirectory() as folder:
        for unit in _files(root, "deploy/systemd/*.service"):
            # It wants programs that exist; those of the units are where incidentbot is installed.
            text = (root / unit).read_text().replace("/opt/incidentbot/.venv/bin/", "/usr/bin/env ")
            copy = Path(folder) / Path(unit).name
            copy.write_text(text)
            wrong += _run(root, Path(analyze), "verify", "--man=no", str(copy), silent=True)
    return wrong


def _shell(root: Path) -> str:
    return "".join(_run(root, Path("/bin/sh"), "-n", name) for name in _files(root, "deploy/*.sh"))


def _files(root: Path, pattern: str) -> list[str]:
    found = sorted(str(path.relative_to(root)) for path in root.glob(pattern))
    if not found:
        raise FileNotFoundError(f"there is no {pattern}")
    return found


def _run(root: Path, *command: str | Path, silent: bool = False) -> str:
    """Return what a validator says when it is not content; `silent`: a word is an objection."""
    if not Path(command[0]).exists():
        raise NotHere(f"{command[0]} (make setup)")
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, env=_environment()
    )
    said = done.stdout + done.stderr
    return said if done.returncode or (silent and said.strip()) else ""


def _environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "SYSTEMD_LOG_LEVEL": "warning"}


def run_all(root: Path, chosen: Sequence[Validator]) -> Iterator[tuple[str, str, bool]]:
    """Yield for each validator its name, what it says, and whether that is well."""
    for validator in chosen:
        try:
            wrong = validator.check(root)
        except NotHere as lack:
            # systemd is not on every machine; everything else is a development dependency.
            yield validator.name, f"not checked: there is no {lack}", "systemd" in str(lack)
        else:
            yield validator.name, wrong.strip() or "ok", not wrong


def main() -> int:
    """Print what each validator says; 1 if one objects."""
    is_well = True
    for name, said, well in run_all(ROOT, validators()):
        print(f"{'  ' if well else '! '}{name}: {said}")
        is_well &= well
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
