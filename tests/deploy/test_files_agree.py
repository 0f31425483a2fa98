"""No deploy file names a process, setting, port, address, user or file that the app does not have."""

import re
import shutil
from pathlib import Path

import pytest
from flask import Flask

from incidentbot import create_app
from tests.deploy import agreement
from tests.installation import small_company

NAMES = [
    *(
        ".dockerignore",
        ".github",
        "Dockerfile",
        "Makefile",
        "CHANGELOG.md",
        "Procfile",
        "app.json",
    ),
    *("app.py", "deploy", "docker-compose.yml", "fly.toml", "gunicorn.conf.py", "railway.json"),
    *(
        "railway.worker.json",
        "render.yaml",
        "requirements.txt",
        "templates",
        "static",
        "migrations",
    ),
]


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(small_company("sqlite:///:memory:"))


def problems(root: Path, app: Flask) -> list[str]:
    return [
        *agreement.check_processes(root),
        *agreement.check_commands_exist(root, app),
        *agreement.check_settings(root),
        *agreement.check_ports(root),
        *agreement.check_workers_are_watched(root),
        *agreement.check_nobody_comes_past_the_proxy(root),
        *agreement.check_addresses(root, app),
        *agreement.check_user(root),
        *agreement.check_grace(root),
        *agreement.check_files(root),
        *agreement.check_images(root),
        *agreement.check_references(root),
    ]


def test_all_deploy_files_agree_with_the_app_and_with_each_other(app: Flask) -> None:
    assert problems(agreement.ROOT, app) == []


def test_the_one_folder_that_systemd_lets_web_write_to_is_made_by_the_pages_commands() -> None:
    """Where it is missing, systemd passes over it, and SQLite finds a read-only system."""
    unit = (agreement.ROOT / "deploy/systemd/incidentbot-web.service").read_text()
    (folder,) = re.findall(r"^ReadWritePaths=-(\S+)$", unit, re.M)
    page = (agreement.ROOT / "docs/deployment/systemd.md").read_text()
    assert re.search(rf"^install --directory --owner incidentbot .* {folder}$", page, re.M)


def test_each_platforms_page_says_where_the_other_settings_go() -> None:
    folder = agreement.ROOT / "docs/deployment"
    anchor = "README.md#then-e-mail-single-sign-on-statuspage"
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert {name for name in pages if anchor not in (folder / name).read_text()} == set()
    section = (folder / "README.md").read_text().partition("## Then e-mail")[2]
    assert {name for name in agreement.OPTIONAL if f"`{name}`" not in section} == set()


# A mistake in one file, and what is said of it.
MISTAKES = [
    ("Procfile", "gunicorn app:app", "gunicorn incidentbot:app", "web is"),
    ("Procfile", "worker: flask --app app worker", "worker: flask --app app work", "no work"),
    ("Procfile", "release: ", "migrate: ", "Procfile"),
    ("Dockerfile", 'CMD ["gunicorn", "app:app"]', 'CMD ["gunicorn", "app"]', "Dockerfile CMD"),
    ("docker-compose.yml", "[flask, --app, app, worker]", "[flask, worker]", "docker-compose.yml"),
    ("fly.toml", 'worker = "flask --app app worker"', "", "fly.toml: has"),
    ("fly.toml", "db upgrade", "db up", "fly.toml"),
    ("render.yaml", "dockerCommand: flask --app app worker", "dockerCommand: rq worker", "render"),
    ("railway.worker.json", "app worker", "app workers", "railway.worker.json"),
    ("deploy/k8s/worker.yaml", "app, worker]", "app, consumer]", "deploy/k8s Deployment"),
    ("deploy/systemd/incidentbot-web.service", " app:app", " app", "systemd web"),
    ("app.py", "app = create_app()", "application = create_app()", "app.py has no app"),
    ("Dockerfile", "LOG_FORMAT=json", "LOG_STYLE=json", "nothing reads LOG_STYLE"),
    ("docker-compose.yml", "REDIS_URL:", "REDIS:", "nothing reads REDIS"),
    ("docker-compose.yml", "SECRET_KEY: ${SECRET_KEY", "SECRET_KEY: ${SECRET", "reads SECRET"),
    ("docker-compose.yml", "SANDBOX_APP_URL", "SANDBOX_APP", "nothing reads SANDBOX_APP"),
    ("fly.toml", 'PROXY_HOPS = "2"', 'PROXY_HOPS = "1"', "fly.toml: PROXY_HOPS must be 2"),
    ("render.yaml", 'value: "2"', 'value: "1"', "render.yaml: PROXY_HOPS must be 2"),
    ("app.json", '"value": "1"', '"value": "2"', "app.json: PROXY_HOPS must be 1"),
    ("render.yaml", "key: BASE_URL", "key: PUBLIC_URL", "lacks BASE_URL"),
    ("render.yaml", "      - *database\n", "", "render.yaml worker: lacks DATABASE_URL"),
    ("render.yaml", "envVarKey: BASE_URL", "envVarKey: URL", "incidentbot has no URL"),
    ("render.yaml", "SMTP_URL, ", "", "render.yaml: does not name SMTP_URL"),
    ("app.json", '"OIDC_ISSUER": {', '"OIDC_ROLE": {', "app.json: does not name OIDC_ISSUER"),
    ("deploy/k8s/settings.yaml", 'MAIL_FROM: ""', 'MAIL: ""', "does not name MAIL_FROM"),
    ("app.json", "heroku-postgresql:", "heroku-mysql:", "app.json: lacks DATABASE_URL"),
    ("deploy/k8s/settings.yaml", "SECRET_KEY: change-me", "SECRET: change-me", "lacks SECRET_KEY"),
    ("deploy/k8s/settings.yaml", 'PROXY_HOPS: "1"', 'PROXY_HOPS: "0"', "deploy/k8s: PROXY_HOPS"),
    (".github/workflows/ci.yml", "--env DATABASE_URL=", "--env DATABASE=", "reads DATABASE"),
    ("Dockerfile", "EXPOSE 8000", "EXPOSE 8080", "Dockerfile EXPOSE"),
    ("docker-compose.yml", ":-8000}:8000", ":-8000}:80", "docker-compose.yml: 80"),
    ("docker-compose.yml", "${BIND:-127.0.0.1}:", "", "is open to everybody"),
    ("docker-compose.yml", "${BIND:-127.0.0.1}", "${BIND:-0.0.0.0}", "is open to everybody"),
    ("deploy/systemd/incidentbot-web.service", " --bind 127.0.0.1:${PORT}", "", "every address"),
    ("docker-compose.yml", 'METRICS_PORT: "9100"', 'METRICS_PORT: ""', "shows no metrics"),
    ("docker-compose.yml", 'expose: ["9100"]', 'expose: ["9101"]', "nobody reads the worker's"),
    ("deploy/swarm/stack.yml", 'METRICS_PORT: "9100"', 'METRICS_PORT: ""', "shows no metrics"),
    ("fly.toml", 'METRICS_PORT = "9100"', 'METRICS_PORT = "9101"', "fly.toml: nobody reads"),
    ("fly.toml", '["web", "worker"]', '["web"]', "fly.toml: nobody reads"),
    ("deploy/systemd/incidentbot-worker.service", "METRICS_PORT=9100", "METRICS_PORT=9101", "9101"),
    ("deploy/k8s/worker.yaml", 'value: "9100"', 'value: ""', "deploy/k8s: the worker shows no"),
    ("deploy/k8s/worker.yaml", 'port: "9100"', 'port: "9101"', "deploy/k8s: nobody reads"),
    (
        "deploy/k8s/worker.yaml",
        "containerPort: 9100",
        "containerPort: 1",
        "container: nobody reads",
    ),
    ("deploy/k8s/network.yaml", "port: 9100", "port: 9101", "network: nobody reads"),
    ("deploy/prometheus/prometheus.yml", ":9100", ":9101", "systemd: nobody reads"),
    ("deploy/swarm/stack.yml", '"8000:8000"', '"8000:80"', "deploy/swarm: 80"),
    ("deploy/swarm/stack.yml", "8000/ready", "8000/alive", "deploy/swarm/stack.yml: no /alive"),
    ("deploy/swarm/stack.yml", "app, worker]", "app, work]", "deploy/swarm"),
    (
        "deploy/swarm/stack.yml",
        "read_only: true",
        "read_only: false",
        "deploy/swarm web: may write",
    ),
    ("deploy/swarm/stack.yml", "period: 30s", "period: 5s", "deploy/swarm web: 5 s"),
    ("deploy/swarm/stack.yml", "noeviction", "allkeys-lru", "its Redis is not that of Compose"),
    ("docs/deployment/heroku.md", "echo 3.13", "echo 3.12", "heroku.md: Python 3.12 is not"),
    ("fly.toml", "internal_port = 8000", "internal_port = 8080", "internal_port"),
    ("deploy/k8s/web.yaml", "containerPort: 8000", "containerPort: 80", "web.yaml: 80"),
    ("deploy/k8s/network.yaml", "port: 8000", "port: 80", "network.yaml: 80"),
    ("deploy/k8s/web.yaml", 'port: "8000"', 'port: "9090"', "web.yaml metrics"),
    ("deploy/nginx/incidentbot.conf", "127.0.0.1:8000", "127.0.0.1:5000", "deploy/nginx"),
    (".github/workflows/ci.yml", "127.0.0.1:8000/", "127.0.0.1:8080/", "ci.yml: 8080"),
    ("fly.toml", 'path = "/ready"', 'path = "/readyz"', "no /readyz"),
    ("fly.toml", 'path = "/ready"', 'path = "/health"', "fly.toml: asks /health"),
    ("render.yaml", "healthCheckPath: /ready", "healthCheckPath: /health", "render.yaml: asks"),
    ("fly.toml", 'path = "/metrics"', 'path = "/prometheus"', "no /prometheus"),
    ("render.yaml", "healthCheckPath: /ready", "healthCheckPath: /up", "no /up"),
    ("railway.json", '"/ready"', '"/up"', "railway.json: no /up"),
    ("deploy/k8s/web.yaml", "path: /ready", "path: /readyz", "no /readyz"),
    ("Dockerfile", "/health'", "/alive'", "Dockerfile: no /alive"),
    (".github/workflows/ci.yml", "8000/health", "8000/alive", "no /alive"),
    ("docker-compose.yml", "/slack/events", "/slack/event", "no /slack/event"),
    ("Dockerfile", "USER 10001", "USER 1000", "does not run as 1000"),
    ("Dockerfile", "--uid 10001", "--uid 10002", "10002 is not 10001"),
    ("Dockerfile", "USER 10001", "USER root", "runs as root"),
    ("deploy/k8s/release.yaml", "runAsNonRoot: true, ", "", "release.yaml"),
    ("deploy/k8s/worker.yaml", "runAsGroup: 10001, ", "", "worker.yaml: its group"),
    ("Dockerfile", "--gid 10001 inc", "--gid 999 inc", "999 is not 10001"),
    ("deploy/k8s/web.yaml", "readOnlyRootFilesystem: true, ", "", "web.yaml: may write"),
    ("docker-compose.yml", "read_only: true", "read_only: false", "may write"),
    ("deploy/systemd/incidentbot-worker.service", "User=incidentbot\n", "", "runs as root"),
    ("docker-compose.yml", "stop_grace_period: 30s", "stop_grace_period: 10s", "10 s are not"),
    ("fly.toml", 'kill_timeout = "30s"', 'kill_timeout = "5s"', "fly.toml: 5 s"),
    ("render.yaml", "maxShutdownDelaySeconds: 30", "maxShutdownDelaySeconds: 5", "render.yaml"),
    ("railway.json", '"drainingSeconds": 30', '"drainingSeconds": 3', "railway.json: 3 s"),
    ("deploy/k8s/web.yaml", "PeriodSeconds: 35", "PeriodSeconds: 20", "web.yaml: 20 s"),
    ("deploy/systemd/incidentbot-web.service", "StopSec=30", "StopSec=9", "systemd web: 9 s"),
    ("Dockerfile", "COPY templates templates\n", "", "does not copy templates"),
    ("Dockerfile", "COPY static static", "COPY assets static", "there is no assets"),
    (".dockerignore", "!migrations\n", "", "leaves out migrations"),
    ("deploy/k8s/kustomization.yaml", "  - network.yaml\n", "", "kustomization.yaml: network"),
    ("railway.json", '"dockerfilePath": "Dockerfile"', '"dockerfilePath": "D"', "there is no D"),
    (".github/workflows/ci.yml", "make check", "make verify", "make has no verify"),
    (".github/workflows/docker.yml", "CHANGELOG.md >", "CHANGES.md >", "there is no CHANGES.md"),
    (".github/workflows/ci.yml", "postgres:16-alpine", "postgres:17-alpine", "CI tests"),
    ("render.yaml", 'postgresMajorVersion: "16"', 'postgresMajorVersion: "17"', "PostgreSQL 17"),
    ("render.yaml", "maxmemoryPolicy: noeviction", "maxmemoryPolicy: allkeys-lru", "may evict"),
    ("docker-compose.yml", "noeviction", "allkeys-lru", "docker-compose.yml: Redis may evict"),
    ("Dockerfile", "FROM python:3.13-slim-trixie AS", "FROM python:3.12-slim AS", "built on"),
    ("render.yaml", "name: incidentbot-redis, p", "name: redis, p", "there is no redis"),
    ("fly.toml", 'processes = ["web"]', 'processes = ["app"]', "there is no process app"),
    ("docker-compose.yml", "@postgres:5432", "@db:5432", "there is no host db"),
    ("docker-compose.yml", "redis: {condition", "cache: {condition", "there is no cache"),
    ("deploy/k8s/web.yaml", "secretRef: {name: incidentbot}", "secretRef: {name: x}", "Secret x"),
    ("deploy/k8s/web.yaml", "name: incidentbot-web}", "name: web}", "scales nothing"),
    ("deploy/k8s/ingress.yaml", "name: incidentbot-web", "name: web", "leads nowhere"),
    ("deploy/k8s/network.yaml", "process: web}", "process: www}", "selects nothing"),
]


@pytest.mark.parametrize("file,before,after,said", MISTAKES)
def test_a_mistake_is_found(
    file: str, before: str, after: str, said: str, tmp_path: Path, app: Flask
) -> None:
    for name in NAMES:
        source = agreement.ROOT / name
        if source.is_dir() and name not in ("deploy", ".github"):
            (tmp_path / name).mkdir()  # that it is there is all that counts
        elif source.is_dir():
            shutil.copytree(source, tmp_path / name)
        else:
            shutil.copy(source, tmp_path / name)
    for name in ("incidentbot/sandbox/settings.py", "docs/deployment/heroku.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(agreement.ROOT / name, tmp_path / name)
    text = (tmp_path / file).read_text()
    assert before in text, f"{file} no longer says {before!r}"
    (tmp_path / file).write_text(text.replace(before, after))

    found = problems(tmp_path, app)

    assert any(said in problem for problem in found), found
