"""Each validator is content with what is there, and objects to a mistake: none of them is asleep."""

import shutil
from pathlib import Path

import pytest

from tests.deploy import validators as deploy_validators
from tests.deploy.validators import ROOT, run_all, validators

NO_SYSTEMD = "not checked: there is no systemd-analyze (Debian: apt-get install systemd)"
BY_NAME = {validator.name: validator for validator in validators()}


def test_every_validator_is_content() -> None:
    objections = {name: said for name, said, well in run_all(ROOT, validators()) if not well}
    assert objections == {}


MISTAKES = [
    ("docker-compose.yml", "docker-compose.yml", "restart: unless-stopped", "restart: {a: 1}"),
    (
        "deploy/swarm/stack.yml",
        "deploy/swarm/stack.yml",
        "env_file: [incidentbot.env]",
        "env_file: {}",
    ),
    (".github/workflows", ".github/workflows/ci.yml", "runs-on:", "run-on:"),
    (".github/dependabot.yml", ".github/dependabot.yml", "weekly", "sometimes"),
    ("issue forms", ".github/ISSUE_TEMPLATE/bug.yml", "type: textarea", "type: essay"),
    ("issue chooser", ".github/ISSUE_TEMPLATE/config.yml", "url:", "uri:"),
    ("fly.toml", "fly.toml", "internal_port = 8000", 'internal_port = "http"'),
    ("render.yaml", "render.yaml", "healthCheckPath", "healthcheckPath"),
    ("railway.json", "railway.worker.json", '"drainingSeconds": 30', '"drainingSeconds": "30"'),
    ("app.json", "app.json", '"formation"', '"formations"'),
    ("kustomization.yaml", "deploy/k8s/kustomization.yaml", "resources:", "ressources:"),
    ("Dockerfile (hadolint)", "Dockerfile", " AS build", ""),
    (".github/workflows (actionlint)", ".github/workflows/ci.yml", "${{ github.ref", "${{ git.ref"),
    (".github (zizmor)", ".github/workflows/ci.yml", "{persist-credentials: false}", "{}"),
    (
        "deploy/k8s (kustomize, kubernetes-validate)",
        "deploy/k8s/web.yaml",
        "minReplicas:",
        "copies:",
    ),
    ("deploy/systemd (systemd-analyze)", "deploy/systemd/incidentbot-web.service", "User=", "Usr="),
    ("shell scripts (sh -n)", "deploy/build_runtime.sh", "esac", ""),
]


def test_there_is_a_mistake_for_every_validator() -> None:
    assert {name for name, *_ in MISTAKES} == set(BY_NAME)


def test_render_is_not_told_to_ask_for_what_is_in_a_group(tmp_path: Path) -> None:
    """It ignores such a setting, and nobody would notice before the first start."""
    text = (ROOT / "render.yaml").read_text()
    asked = text.rstrip() + "\n      - key: SMTP_URL\n        sync: false\n"
    (tmp_path / "render.yaml").write_text(asked)

    ((_, _, well),) = run_all(tmp_path, [BY_NAME["render.yaml"]])

    assert not well


def test_swarm_would_refuse_the_compose_file_and_so_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "deploy/swarm").mkdir(parents=True)
    shutil.copy(ROOT / "docker-compose.yml", tmp_path / "deploy/swarm/stack.yml")

    ((_, said, well),) = run_all(tmp_path, [BY_NAME["deploy/swarm/stack.yml"]])

    assert not well
    assert "'name' does not match" in said


@pytest.mark.parametrize("name,file,before,after", MISTAKES)
def test_a_mistake_is_objected_to(
    name: str, file: str, before: str, after: str, tmp_path: Path
) -> None:
    for part in ("deploy", ".github"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    text = (tmp_path / file).read_text()
    assert before in text, f"{file} no longer says {before!r}"
    (tmp_path / file).write_text(text.replace(before, after))

    ((_, said, well),) = run_all(tmp_path, [BY_NAME[name]])

    if "systemd" in name and shutil.which("systemd-analyze") is None:
        assert (said, well) == (NO_SYSTEMD, True)  # it could not be checked, and says so
    else:
        assert not well
        assert not said.startswith("not checked")


def test_where_systemd_is_not_installed_the_report_says_that_nothing_was_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    systemd = BY_NAME["deploy/systemd (systemd-analyze)"]
    assert list(run_all(ROOT, [systemd])) == [(systemd.name, NO_SYSTEMD, True)]


def test_a_validator_that_was_not_installed_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy_validators, "BIN", Path("/nowhere"))
    ((_, said, well),) = run_all(ROOT, [BY_NAME["Dockerfile (hadolint)"]])
    assert said.startswith("not checked")
    assert not well
