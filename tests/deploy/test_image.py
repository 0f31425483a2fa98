"""The image's files, made by the script that the Dockerfile runs, hold an app that runs from them.

There is no container engine here. What one adds is done by hand: a root folder of its own, another user
without rights, and a tree that cannot be written to, as `docker run --read-only --user 10001` would.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.deploy.containment import USER, contained, isolation
from tests.deploy.reading import dockerfile
from tests.servers.collector import a_collector
from tests.servers.ports import free_port
from tests.servers.processes import ROOT, Process, launch

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

PAGE = ROOT / "docs/deployment/docker.md"
MEGABYTE = 1_000_000
# pytest's own folder can be entered by one user alone.
EVERYBODYS = Path("/var/tmp")  # noqa: S108 - the names below it are this process's own


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the Dockerfile's RUN and COPY lines make of `/app`, in a folder that anybody can enter."""
    source = tmp_path_factory.mktemp("source")
    for line in dockerfile(ROOT)["COPY"]:
        if not line.startswith("--from"):
            *names, target = line.split()
            for name in names:
                _copy(ROOT / name, source / target if target.endswith("/") else source)
    top = EVERYBODYS / f"incidentbot-image-{os.getpid()}"
    app = top / "app"
    app.mkdir(parents=True)
    try:
        for part in _parts():
            subprocess.run(
                ["deploy/build_runtime.sh", part, str(app)],
                cwd=source,
                env={**os.environ, "PYTHON": sys.executable},
                check=True,
            )
        (app / "instance").mkdir()
        yield app
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(top)], check=False)
        shutil.rmtree(top)


def _parts() -> list[str]:
    """Return the script's parts in the order in which the Dockerfile runs them."""
    parts = re.findall(r"deploy/build_runtime\.sh (\w+) /app", " ".join(dockerfile(ROOT)["RUN"]))
    assert parts == ["packages", "app"]
    return parts


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(
            source,
            target / source.name,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
    else:
        shutil.copy(source, target)


def test_it_holds_what_runs_and_nothing_else(image: Path) -> None:
    assert sorted(path.name for path in image.iterdir()) == [
        ".venv", "__pycache__", "app.py", "gunicorn.conf.py", "incidentbot", "instance",
        "migrations", "static", "templates",
    ]  # fmt: skip
    packages = _site_packages(image)
    installed = {path.name.split("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert {"flask", "gunicorn", "psycopg2_binary", "rq"} <= installed
    assert not {"pip", "setuptools", "pytest", "ruff", "mypy", "playwright"} & installed
    assert not list(image.rglob("*.orig")) + list(image.rglob(".env*")) + list(image.rglob(".git"))


def test_every_module_is_compiled(image: Path) -> None:
    sources = [path for path in image.rglob("*.py") if "/bin/" not in str(path)]
    assert len(sources) > 1000
    compiled = {path.name.split(".")[0] for path in (image / "incidentbot").rglob("*.pyc")}
    assert {path.stem for path in (image / "incidentbot").rglob("*.py")} <= compiled
    assert (image / "__pycache__").is_dir()


def test_its_size_is_what_the_docs_say(image: Path, tmp_path: Path) -> None:
    archive = tmp_path / "layer.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        tar.add(image, "app")
    size = archive.stat().st_size / MEGABYTE
    documented = re.search(r"about (\d+) MB compressed", PAGE.read_text())
    print(f"the layer that the Dockerfile adds: {size:.1f} MB compressed")

    assert documented is not None
    assert size < 50
    assert abs(size - int(documented[1])) <= 0.1 * size, f"it is {size:.1f} MB now"


def test_it_starts_with_nothing_to_write_to_and_no_rights(image: Path, tmp_path: Path) -> None:
    data = EVERYBODYS / f"incidentbot-data-{os.getpid()}"
    data.mkdir()
    data.chmod(0o777)
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = {
        "PATH": f"{image}/.venv/bin:/usr/bin:/bin",
        "DATABASE_URL": f"sqlite:///{data}/incidentbot.db",
        "BASE_URL": url,
        "PORT": str(port),
        "PYTHONPATH": str(image),  # not the checkout
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(data),
        "TMPDIR": str(data),
    }
    before = _tree(image)
    try:
        release = ["flask", "--app", "app", "db", "upgrade"]
        with contained(image, data, release, env, tmp_path / "release.log") as process:
            _wait_for_the_end(process)
            assert process.returncode == 0, process.log_tail()

        web_log = tmp_path / "web.log"
        with contained(image, data, ["gunicorn", "app:app"], env, web_log) as web:
            web.wait_until(lambda: _answers(f"{url}/health"), 60)
            assert requests.get(f"{url}/health", timeout=10).json()["status"] == "healthy"
            assert requests.get(f"{url}/sign-in", timeout=10).status_code == 200
            if isolation() is not None:
                assert _user_of(web) == (USER if os.getuid() == 0 else str(os.getuid()))
                assert not _may_write(web, image)
            assert web.stop() == 0
        assert _tree(image) == before
        assert (data / "incidentbot.db").stat().st_size > 0
    finally:
        shutil.rmtree(data)
        shutil.rmtree(data.with_name(data.name + "-root"), ignore_errors=True)


def test_whoever_begins_in_another_folder_has_the_commands_too(image: Path) -> None:
    """`fly ssh console -C` begins in `/`, with the image's environment and no more."""
    given = dict(re.findall(r"([A-Z_]+)=(\S+)", " ".join(dockerfile(ROOT)["ENV"])))
    assert given["PYTHONPATH"] == "/app"
    assert image.name == "app"

    # Flask knows `users` only when it has found the app.
    done = subprocess.run(
        [str(image / ".venv/bin/flask"), "--app", "app", "users", "invite", "--help"],
        cwd="/",
        env={"PYTHONPATH": str(image)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "--role" in done.stdout


def test_the_variant_for_observability_starts_and_sends_traces(image: Path, tmp_path: Path) -> None:
    """Made on top of the image's own packages, as on a server: only the additional ones are fetched."""
    variant = "requirements-observability.txt"
    assert "REQUIREMENTS=requirements.txt" in dockerfile(ROOT)["ARG"]
    packages = next(line for line in dockerfile(ROOT)["RUN"] if "packages /app" in line)
    assert packages.endswith('packages /app "$REQUIREMENTS"')
    assert any(variant in line.split() for line in dockerfile(ROOT)["COPY"])
    app = tmp_path / "app"
    subprocess.run(["cp", "-a", str(image), str(app)], check=True)
    subprocess.run(
        [ROOT / "deploy/build_runtime.sh", "packages", str(app), variant],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable},
        check=True,
    )
    url = f"http://127.0.0.1:{(port := free_port())}"
    gunicorn = [str(app / ".venv/bin/python"), "-m", "gunicorn", "--chdir", str(app), "app:app"]
    with a_collector() as collector:
        env = {
            "PYTHONPATH": str(app),  # not the checkout
            "DATABASE_URL": f"sqlite:///{tmp_path}/incidentbot.db",
            "PORT": str(port),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}",
            "SENTRY_DSN": f"http://key@{collector.address}/7",
        }
        with launch(gunicorn, env, tmp_path / "variant.log") as web:
            web.wait_until(lambda: _answers(f"{url}/health"), 60)
            assert web.stop() == 0
    assert "/v1/traces" in {path for path, _ in collector.taken}


def test_the_image_has_one_command_for_its_health(image: Path) -> None:
    """What HEALTHCHECK asks fails when nobody answers: it is not just a program that ends well."""
    check = re.search(r'CMD (\["python".*\])', " ".join(dockerfile(ROOT)["HEALTHCHECK"]))
    assert check is not None
    command = json.loads(check[1])
    command[0] = str(image / ".venv/bin/python")

    done = subprocess.run(
        command, env={"PORT": str(free_port())}, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "refused" in done.stderr


def _wait_for_the_end(process: Process) -> None:
    deadline = time.monotonic() + 60
    while process.returncode is None and time.monotonic() < deadline:
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def _user_of(process: Process) -> str:
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"^Uid:\s+(\d+)", status, re.M)
    assert found is not None
    return found[1]


def _may_write(process: Process, image: Path) -> bool:
    """Look at the mounts that the process sees."""
    for line in Path(f"/proc/{process.pid}/mountinfo").read_text().splitlines():
        _, _, _, _, place, options, *_ = line.split()
        if place == str(image):
            return "ro" not in options.split(",")
    raise AssertionError(f"{image} is not mounted")


def _tree(folder: Path) -> dict[str, tuple[int, float]]:
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime)
        for path in sorted(folder.rglob("*"))
    }


def _site_packages(image: Path) -> Path:
    return next((image / ".venv/lib").glob("python3.*/site-packages"))
