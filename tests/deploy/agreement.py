"""What the deploy files say, compared with each other and with the app.

Each `check_…` takes the folder that holds the project and returns what is wrong, a line each, so that
the tests can hand it a copy with a mistake in it.
"""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask

from incidentbot.config import Settings
from tests.deploy.reading import dockerfile, manifests, pod, read_yaml

ROOT = Path(__file__).parents[2]
PROCESSES = ("web", "worker", "release")

# What the platforms and programs around the app read.
OTHERS_SETTINGS = {
    "WEB_CONCURRENCY": "gunicorn.conf.py",
    "SANDBOX_HOST": "incidentbot/sandbox/settings.py",
    "SANDBOX_PORT": "incidentbot/sandbox/settings.py",
    "SANDBOX_APP_URL": "incidentbot/sandbox/settings.py",
    "PYTHONPATH": None,
    "PYTHONUNBUFFERED": None,
    "PYTHONDONTWRITEBYTECODE": None,
    "PATH": None,
    "PIP_NO_CACHE_DIR": None,
}
NEEDED = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "BASE_URL"}
# What operators come to after the first start. Each place names them, so that nobody has to search.
OPTIONAL = {
    *("SMTP_URL", "MAIL_FROM", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"),
    *("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"),
    *("STATUSPAGE_API_KEY", "STATUSPAGE_PAGE_ID"),
}
# Entries of X-Forwarded-For that the platform makes: docs/deployment/README.md says how we know.
PROXY_HOPS = {"fly.toml": "2", "render.yaml": "2", "app.json": "1", "deploy/k8s": "1"}


def procfile(root: Path) -> dict[str, str]:
    """Return the processes of the Procfile: the others are compared with these."""
    lines = (root / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


# ---- processes --------------------------------------------------------------------------------


def commands(root: Path) -> Iterator[tuple[str, str, str]]:
    """Yield where a command stands, which process it is, and the command without its wrapping."""
    for name, command in procfile(root).items():
        yield "Procfile", name, command

    docker = dockerfile(root)
    yield "Dockerfile CMD", "web", shlex.join(json.loads(docker["CMD"][-1]))

    image_command = shlex.join(json.loads(docker["CMD"][-1]))
    services = read_yaml(root / "docker-compose.yml")[0]["services"]
    for name in PROCESSES:
        command = services[name].get("command")
        yield "docker-compose.yml", name, shlex.join(command) if command else image_command

    services = read_yaml(root / "deploy/swarm/stack.yml")[0]["services"]
    for name in PROCESSES:
        command = services[name].get("command")
        yield "deploy/swarm", name, shlex.join(command) if command else image_command

    fly = tomllib.loads((root / "fly.toml").read_text())
    yield from (("fly.toml", name, command) for name, command in fly["processes"].items())
    yield "fly.toml", "release", fly["deploy"]["release_command"]

    for service in read_yaml(root / "render.yaml")[0]["services"]:
        if "dockerCommand" in service:
            yield "render.yaml", service["type"], service["dockerCommand"]
        if "preDeployCommand" in service:
            yield "render.yaml", "release", service["preDeployCommand"]

    for name, file in (("web", "railway.json"), ("worker", "railway.worker.json")):
        deploy = json.loads((root / file).read_text())["deploy"]
        yield file, name, _without_tini(deploy.get("startCommand", image_command))
        for command in deploy.get("preDeployCommand", []):
            yield file, "release", command

    for _, manifest in manifests(root):
        for container in pod(manifest).get("containers", []):
            command = container.get("command")
            text = _without_tini(shlex.join(command)) if command else image_command
            yield f"deploy/k8s {manifest['kind']}", container["name"], text

    for name in ("web", "worker"):
        unit = (root / f"deploy/systemd/incidentbot-{name}.service").read_text()
        for kind, process in (("ExecStart", name), ("ExecStartPre", "release")):
            for line in re.findall(rf"^{kind}=(.+)$", unit, re.M):
                line = line.removeprefix("/opt/incidentbot/.venv/bin/")
                yield f"systemd {name}", process, line.replace(" --bind 127.0.0.1:${PORT}", "")


def check_processes(root: Path) -> list[str]:
    """Compare every command with the Procfile, and the processes each place has."""
    wanted = procfile(root)
    wrong = [f"the Procfile has {sorted(wanted)}"] if set(wanted) != set(PROCESSES) else []
    seen: dict[str, set[str]] = {}
    for place, name, command in commands(root):
        seen.setdefault(re.split(r"\.worker| Deployment| Job| web$| worker$", place)[0], set()).add(
            name
        )
        if name not in wanted:
            wrong.append(f"{place}: there is no process {name}")
        elif command != wanted[name]:
            wrong.append(f"{place}: {name} is {command!r}, not {wanted[name]!r}")
    seen["railway"] = seen.pop("railway.json", set()) | seen.pop("railway", set())
    for place, names in seen.items():
        if place != "Dockerfile CMD" and names != set(PROCESSES):
            wrong.append(f"{place}: has {sorted(names)}")
    return wrong


def check_commands_exist(root: Path, app: Flask) -> list[str]:
    """Ask Flask for each of its commands, and look for the module gunicorn serves."""
    wrong = []
    for place, _, command in commands(root):
        words = shlex.split(command)
        if words[:2] == ["gunicorn", "app:app"]:
            if not re.search(r"^\s*app = create_app", (root / "app.py").read_text(), re.M):
                wrong.append(f"{place}: app.py has no app")
        elif words[:3] == ["flask", "--app", "app"]:
            group: Any = app.cli
            for word in words[3:]:
                group = getattr(group, "commands", {}).get(word)
            if group is None:
                wrong.append(f"{place}: flask has no {' '.join(words[3:])}")
        else:
            wrong.append(f"{place}: unknown program in {command!r}")
    return wrong


def _without_tini(command: str) -> str:
    # Where a command takes the place of the image's ENTRYPOINT, it begins with it.
    return command.removeprefix("tini -- ")


# ---- settings ---------------------------------------------------------------------------------


def settings(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each place with the settings it names (an empty value: somebody fills it in)."""
    yield "Dockerfile", dict(re.findall(r"([A-Z_]+)=(\S+)", " ".join(dockerfile(root)["ENV"])))
    services = read_yaml(root / "docker-compose.yml")[0]["services"]
    for name in (*PROCESSES, "sandbox"):
        yield f"docker-compose.yml {name}", _texts(services[name]["environment"])
    yield "fly.toml", tomllib.loads((root / "fly.toml").read_text())["env"]
    yield "render.yaml", render_settings(root, "web")
    yield "render.yaml worker", render_settings(root, "worker")
    app_json = json.loads((root / "app.json").read_text())
    yield (
        "app.json",
        {
            **{key: entry.get("value", "") for key, entry in app_json["env"].items()},
            # This add-on sets it.
            **({"DATABASE_URL": ""} if "heroku-postgresql:" in str(app_json["addons"]) else {}),
        },
    )
    kubernetes: dict[str, str] = {}
    for _, manifest in manifests(root):
        kubernetes |= _texts(manifest.get("data", {})) | _texts(manifest.get("stringData", {}))
        for container in pod(manifest).get("containers", []):
            kubernetes |= {entry["name"]: entry["value"] for entry in container.get("env", [])}
    yield "deploy/k8s", kubernetes


def render_settings(root: Path, kind: str) -> dict[str, str]:
    """Return the settings of Render's web service or worker, with those of its groups."""
    blueprint = read_yaml(root / "render.yaml")[0]
    groups = {group["name"]: group["envVars"] for group in blueprint["envVarGroups"]}
    service = next(service for service in blueprint["services"] if service["type"] == kind)
    entries = []
    for entry in service["envVars"]:
        entries += groups[entry["fromGroup"]] if "fromGroup" in entry else [entry]
    return {entry["key"]: str(entry.get("value", "")) for entry in entries}


def known_settings(root: Path) -> set[str]:
    """Return every setting that something reads."""
    others = {
        name
        for name, file in OTHERS_SETTINGS.items()
        if file is None or name in (root / file).read_text()
    }
    return {name.upper() for name in Settings.model_fields} | others


def check_settings(root: Path) -> list[str]:
    """Compare every setting with what the app reads, and look for those it cannot do without."""
    known = known_settings(root)
    wrong = []
    for place, given in settings(root):
        wrong += [f"{place}: nothing reads {name}" for name in given if name not in known]
        if place in ("Dockerfile", "fly.toml", "docker-compose.yml sandbox"):
            continue  # Fly's come from `fly secrets`, the sandbox has its own
        wrong += [f"{place}: lacks {name}" for name in sorted(NEEDED - set(given))]
    wrong += [
        f"{place}: PROXY_HOPS must be {PROXY_HOPS[place]}"
        for place, given in settings(root)
        if place in PROXY_HOPS and given.get("PROXY_HOPS") != PROXY_HOPS[place]
    ]
    given = dict(settings(root))
    named = {
        "app.json": set(given["app.json"]),
        "deploy/k8s": set(given["deploy/k8s"]),
        # Render would ask for each of them at once; there a comment says what to add later.
        "render.yaml": set(re.findall(r"\b[A-Z_]+\b", (root / "render.yaml").read_text())),
    }
    wrong += [
        f"{place}: does not name {name}"
        for place, names in named.items()
        for name in sorted(OPTIONAL - names)
    ]
    for name in re.findall(r"(?<!#)\$\{([A-Z_]+)", (root / "docker-compose.yml").read_text()):
        if name not in known | {"POSTGRES_PASSWORD", "BIND"}:
            wrong.append(f"docker-compose.yml: nothing reads {name}")
    workflow_env = re.findall(r"--env ([A-Z_]+)=", (root / ".github/workflows/ci.yml").read_text())
    wrong += [f"ci.yml: nothing reads {name}" for name in workflow_env if name not in known]
    return wrong


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


# ---- ports, paths, people ---------------------------------------------------------------------


def ports(root: Path) -> Iterator[tuple[str, int]]:
    """Yield every port that is said to be the app's."""
    docker = dockerfile(root)
    yield "Dockerfile EXPOSE", int(docker["EXPOSE"][0])
    yield "Dockerfile PORT", int(dict(settings(root))["Dockerfile"]["PORT"])
    web = read_yaml(root / "docker-compose.yml")[0]["services"]["web"]
    yield "docker-compose.yml", int(web["ports"][0].rsplit(":", 1)[1])
    fly = tomllib.loads((root / "fly.toml").read_text())
    yield "fly.toml PORT", int(fly["env"]["PORT"])
    yield "fly.toml internal_port", fly["http_service"]["internal_port"]
    swarm = read_yaml(root / "deploy/swarm/stack.yml")[0]["services"]
    yield "deploy/swarm", int(swarm["web"]["ports"][0].rsplit(":", 1)[1])
    for file, manifest in manifests(root):
        if file == "worker.yaml" or manifest["metadata"]["name"] == "incidentbot-worker":
            continue  # the worker's ports are others: see `check_workers_are_watched`
        if manifest["kind"] == "ConfigMap":
            yield "deploy/k8s PORT", int(manifest["data"]["PORT"])
        for container in pod(manifest).get("containers", []):
            for port in container.get("ports", []):
                yield f"deploy/k8s/{file}", port["containerPort"]
        notes = manifest.get("spec", {}).get("template", {}).get("metadata", {})
        if "prometheus.io/port" in notes.get("annotations", {}):
            yield f"deploy/k8s/{file} metrics", int(notes["annotations"]["prometheus.io/port"])
        for rule in manifest.get("spec", {}).get("ingress", []):
            if manifest["kind"] == "NetworkPolicy":
                yield from ((f"deploy/k8s/{file}", port["port"]) for port in rule["ports"])
    for port in re.findall(
        r"server 127\.0\.0\.1:(\d+);", (root / "deploy/nginx/incidentbot.conf").read_text()
    ):
        yield "deploy/nginx", int(port)
    for port in re.findall(r"127\.0\.0\.1:(\d+)/", (root / ".github/workflows/ci.yml").read_text()):
        if int(port) not in (5432, 6379):
            yield "ci.yml", int(port)


def addresses(root: Path) -> Iterator[tuple[str, str]]:
    """Yield every address that somebody asks of the app."""
    fly = tomllib.loads((root / "fly.toml").read_text())
    yield from (("fly.toml", check["path"]) for check in fly["http_service"]["checks"])
    yield from (("fly.toml metrics", section["path"]) for section in fly["metrics"])
    for service in read_yaml(root / "render.yaml")[0]["services"]:
        if "healthCheckPath" in service:
            yield "render.yaml", service["healthCheckPath"]
    yield (
        "railway.json",
        json.loads((root / "railway.json").read_text())["deploy"]["healthcheckPath"],
    )
    text = "\n".join(path.read_text() for path in sorted((root / "deploy/k8s").glob("*.yaml")))
    yield from (
        ("deploy/k8s", path)
        for path in re.findall(r"(?:prometheus\.io/path: |httpGet: \{path: )(/\w+)", text)
    )
    for where in ("Dockerfile", ".github/workflows/ci.yml", "deploy/swarm/stack.yml"):
        found = re.findall(r"(?<!@)127\.0\.0\.1:[^/\s]+?(/[a-z]+)", (root / where).read_text())
        yield from ((where, path) for path in found)
    for url in re.findall(r"http://web:8000(/\S+)", (root / "docker-compose.yml").read_text()):
        yield "docker-compose.yml sandbox", url


def check_ports(root: Path) -> list[str]:
    """Compare every port with the app's own default."""
    default = Settings.model_fields["port"].default
    return [f"{place}: {port} is not {default}" for place, port in ports(root) if port != default]


def check_workers_are_watched(root: Path) -> list[str]:
    """See that each worker shows its metrics, and that who reads them looks at that very port."""
    compose = read_yaml(root / "docker-compose.yml")[0]["services"]["worker"]
    swarm = read_yaml(root / "deploy/swarm/stack.yml")[0]["services"]["worker"]
    fly = tomllib.loads((root / "fly.toml").read_text())
    unit = (root / "deploy/systemd/incidentbot-worker.service").read_text()
    scraped = re.search(
        r"worker[.\w]*:(\d+)", (root / "deploy/prometheus/prometheus.yml").read_text()
    )
    worker = next(
        manifest for _, manifest in manifests(root) if pod(manifest) and _name(manifest) == "worker"
    )
    (container,) = pod(worker)["containers"]
    notes = worker["spec"]["template"]["metadata"].get("annotations", {})
    let_in = [
        port["port"]
        for _, manifest in manifests(root)
        if manifest["kind"] == "NetworkPolicy" and _name(manifest) == "worker"
        for rule in manifest["spec"]["ingress"]
        for port in rule["ports"]
    ]
    shown = {
        "docker-compose.yml": compose["environment"].get("METRICS_PORT"),
        "deploy/swarm": swarm.get("environment", {}).get("METRICS_PORT"),
        "fly.toml": fly["env"].get("METRICS_PORT"),
        "systemd": next(iter(re.findall(r"^Environment=METRICS_PORT=(\d+)$", unit, re.M)), None),
        "deploy/k8s": next(
            (e["value"] for e in container.get("env", []) if e["name"] == "METRICS_PORT"), None
        ),
    }
    read = {
        "docker-compose.yml": compose.get("expose", []),
        "fly.toml": [
            section["port"] for section in fly["metrics"] if "worker" in section["processes"]
        ],
        "systemd": [scraped[1]] if scraped else [],
        "deploy/k8s": [notes.get("prometheus.io/port")],
        "deploy/k8s container": [port["containerPort"] for port in container.get("ports", [])],
        "deploy/k8s network": let_in,
    }
    wrong = [f"{place}: the worker shows no metrics" for place, port in shown.items() if not port]
    wrong += [
        f"{place}: nobody reads the worker's metrics at {shown[place.split(' ')[0]]}"
        for place, ports_read in read.items()
        if str(shown[place.split(" ")[0]]) not in map(str, ports_read)
    ]
    return wrong


def _name(manifest: dict[str, Any]) -> str:
    return str(manifest["metadata"]["name"]).removeprefix("incidentbot-")


def check_nobody_comes_past_the_proxy(root: Path) -> list[str]:
    """See that the app's port is open to this machine only, where the proxy is on it."""
    web = read_yaml(root / "docker-compose.yml")[0]["services"]["web"]
    wrong = [
        f"docker-compose.yml: {port} is open to everybody"
        for port in web["ports"]
        if not port.startswith("${BIND:-127.0.0.1}:")
    ]
    unit = (root / "deploy/systemd/incidentbot-web.service").read_text()
    if not re.search(r"^ExecStart=\S+/gunicorn --bind 127\.0\.0\.1:\$\{PORT\} ", unit, re.M):
        wrong.append("systemd web: listens on every address")
    return wrong


def check_addresses(root: Path, app: Flask) -> list[str]:
    """Look every address up in the app's routes."""
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    wrong = [f"{place}: no {path}" for place, path in addresses(root) if path not in routes]
    # They restart machines, or send them no more requests: no cure for a database that is away.
    wrong += [
        f"{place}: asks {path}, not /ready"
        for place, path in addresses(root)
        if place in ("fly.toml", "render.yaml", "railway.json", "deploy/swarm/stack.yml")
        and path != "/ready"
    ]
    return wrong


def check_user(root: Path) -> list[str]:
    """Compare the user of the image with those who must know its number."""
    docker = dockerfile(root)
    user = docker["USER"][-1]
    run = " ".join(docker["RUN"])
    wrong = [] if user not in ("0", "root") else ["Dockerfile: runs as root"]
    for option in re.findall(r"--(?:uid|gid|owner) (\d+)", run):
        if option != user:
            wrong.append(f"Dockerfile: {option} is not {user}")
    for file, manifest in manifests(root):
        if not pod(manifest):
            continue
        security = pod(manifest)["securityContext"]
        if str(security.get("runAsUser")) != user or not security.get("runAsNonRoot"):
            wrong.append(f"deploy/k8s/{file}: does not run as {user}")
        if str(security.get("runAsGroup")) != user:
            wrong.append(f"deploy/k8s/{file}: its group is not {user}")
        for container in pod(manifest)["containers"]:
            if not container["securityContext"].get("readOnlyRootFilesystem"):
                wrong.append(f"deploy/k8s/{file}: may write")
    for name in ("web", "worker"):
        unit = (root / f"deploy/systemd/incidentbot-{name}.service").read_text()
        if "\nUser=incidentbot\n" not in unit:
            wrong.append(f"systemd {name}: runs as root")
    services = read_yaml(root / "docker-compose.yml")[0]["services"]
    wrong += [
        f"docker-compose.yml {name}: may write"
        for name in (*PROCESSES, "sandbox")
        if services[name].get("read_only") is not True
    ]
    services = read_yaml(root / "deploy/swarm/stack.yml")[0]["services"]
    wrong += [
        f"deploy/swarm {name}: may write"
        for name in PROCESSES
        if services[name].get("read_only") is not True
    ]
    return wrong


def check_grace(root: Path) -> list[str]:
    """See that nobody is killed before SHUTDOWN_GRACE is over."""
    grace = Settings.model_fields["shutdown_grace"].default
    given: dict[str, float] = {}
    services = read_yaml(root / "docker-compose.yml")[0]["services"]
    for name in ("web", "worker"):
        given[f"docker-compose.yml {name}"] = _seconds(services[name].get("stop_grace_period", 10))
        unit = (root / f"deploy/systemd/incidentbot-{name}.service").read_text()
        given[f"systemd {name}"] = float(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.M)[0])
    services = read_yaml(root / "deploy/swarm/stack.yml")[0]["services"]
    for name in ("web", "worker"):
        given[f"deploy/swarm {name}"] = _seconds(services[name].get("stop_grace_period", 10))
    given["fly.toml"] = _seconds(tomllib.loads((root / "fly.toml").read_text())["kill_timeout"])
    for service in read_yaml(root / "render.yaml")[0]["services"]:
        if service["type"] in ("web", "worker"):
            given[f"render.yaml {service['name']}"] = service.get("maxShutdownDelaySeconds", 30)
    for file in ("railway.json", "railway.worker.json"):
        given[file] = json.loads((root / file).read_text())["deploy"].get("drainingSeconds", 0)
    for file, manifest in manifests(root):
        if manifest["kind"] == "Deployment":
            given[f"deploy/k8s/{file}"] = pod(manifest).get("terminationGracePeriodSeconds", 30)
    return [
        f"{place}: {seconds:g} s are not more than {grace:g}"
        for place, seconds in given.items()
        if seconds <= grace
    ]


def _seconds(text: object) -> float:
    return float(str(text).removesuffix("s"))


# ---- files ------------------------------------------------------------------------------------


def check_files(root: Path) -> list[str]:
    """Look for every file that a deploy file names, and for what the image would lack."""
    wrong = []
    ignored = (root / ".dockerignore").read_text().splitlines()
    copied = []
    for line in dockerfile(root)["COPY"]:
        if not line.startswith("--from"):
            copied += line.split()[:-1]
    for name in copied:
        if not (root / name).exists():
            wrong.append(f"Dockerfile: there is no {name}")
        if f"!{name}" not in ignored:
            wrong.append(f".dockerignore: leaves out {name}")
    script = (root / "deploy/build_runtime.sh").read_text()
    installed = re.search(r"for name in (.+); do", script)
    assert installed is not None
    for name in installed[1].split():
        if name not in copied:
            wrong.append(f"Dockerfile: does not copy {name}")
    wrong += [f"build_runtime.sh: lacks {name}" for name in _used_at_run_time(root) - set(copied)]
    for file in ("railway.json", "railway.worker.json"):
        name = json.loads((root / file).read_text())["build"]["dockerfilePath"]
        if not (root / name).exists():
            wrong.append(f"{file}: there is no {name}")
    folder = root / "deploy/k8s"
    listed = set(read_yaml(folder / "kustomization.yaml")[0]["resources"])
    there = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    wrong += [f"kustomization.yaml: {name}" for name in sorted(listed ^ there)]
    for workflow in sorted((root / ".github/workflows").glob("*.yml")):
        text = workflow.read_text()
        for target in re.findall(r"\bmake ([a-z-]+)", text):
            if not re.search(rf"^{target}:", (root / "Makefile").read_text(), re.M):
                wrong.append(f"{workflow.name}: make has no {target}")
        for name in re.findall(r"\b([A-Z]+\.md)\b", text):
            if not (root / name).exists():
                wrong.append(f"{workflow.name}: there is no {name}")
    return wrong


def _used_at_run_time(root: Path) -> set[str]:
    """Return what the app reads beside its package, so that a new folder is not forgotten."""
    return {
        name
        for name in (
            "app.py",
            "gunicorn.conf.py",
            "incidentbot",
            "migrations",
            "templates",
            "static",
        )
        if (root / name).exists()
    }


def check_images(root: Path) -> list[str]:
    """See that CI tests against what the deployments run."""
    compose = read_yaml(root / "docker-compose.yml")[0]["services"]
    tested = read_yaml(root / ".github/workflows/ci.yml")[0]["jobs"]["test"]["services"]
    wrong = [
        f"{name}: CI tests {tested[name]['image']}, Compose runs {compose[name]['image']}"
        for name in ("postgres", "redis")
        if tested[name]["image"] != compose[name]["image"]
    ]
    major = read_yaml(root / "render.yaml")[0]["databases"][0]["postgresMajorVersion"]
    if not compose["postgres"]["image"].startswith(f"postgres:{major}-"):
        wrong.append(f"render.yaml: PostgreSQL {major} is not that of Compose")
    if "noeviction" not in compose["redis"]["command"]:
        wrong.append("docker-compose.yml: Redis may evict")
    swarm = read_yaml(root / "deploy/swarm/stack.yml")[0]["services"]
    if any(swarm["redis"][key] != compose["redis"][key] for key in ("image", "command")):
        wrong.append("deploy/swarm: its Redis is not that of Compose")
    for service in read_yaml(root / "render.yaml")[0]["services"]:
        if service["type"] == "keyvalue" and service.get("maxmemoryPolicy") != "noeviction":
            wrong.append("render.yaml: Redis may evict")
    bases = re.findall(r"^FROM (\S+)", (root / "Dockerfile").read_text(), re.M)
    if len(set(bases)) != 1:
        wrong.append(f"Dockerfile: built on {bases[0]}, run on {bases[-1]}")
    (wanted,) = re.findall(
        r"^echo (\S+) > \.python-version", (root / "docs/deployment/heroku.md").read_text(), re.M
    )
    if not bases[-1].startswith(f"python:{wanted}-"):
        wrong.append(f"docs/deployment/heroku.md: Python {wanted} is not that of {bases[-1]}")
    return wrong


def check_references(root: Path) -> list[str]:
    """See that what one part of a file calls another by is its name."""
    wrong = []
    blueprint = read_yaml(root / "render.yaml")[0]
    names = {entry["name"] for entry in blueprint["services"] + blueprint["databases"]}
    for service in blueprint["services"]:
        for entry in service.get("envVars", []):
            source = entry.get("fromDatabase") or entry.get("fromService")
            if source and source["name"] not in names:
                wrong.append(f"render.yaml: there is no {source['name']}")
            if source and "envVarKey" in source:
                (other,) = (s for s in blueprint["services"] if s["name"] == source["name"])
                if source["envVarKey"] not in [e.get("key") for e in other["envVars"]]:
                    wrong.append(f"render.yaml: {other['name']} has no {source['envVarKey']}")
    fly = tomllib.loads((root / "fly.toml").read_text())
    for place in (fly["http_service"], *fly["metrics"]):
        for name in place["processes"]:
            if name not in fly["processes"]:
                wrong.append(f"fly.toml: there is no process {name}")
    services = read_yaml(root / "docker-compose.yml")[0]["services"]
    for name in services:
        for other in services[name].get("depends_on", {}):
            if other not in services:
                wrong.append(f"docker-compose.yml: there is no {other}")
    for url in services["web"]["environment"].values():
        host = re.match(r"\w+://(?:[^@/]*@)?([a-z]+):\d+/\d*", str(url))
        if host and host[1] not in (*services, "localhost"):
            wrong.append(f"docker-compose.yml: there is no host {host[1]}")
    by_kind: dict[str, set[str]] = {}
    labels = []
    for _, manifest in manifests(root):
        by_kind.setdefault(manifest["kind"], set()).add(manifest["metadata"]["name"])
        template = manifest.get("spec", {}).get("template")
        if template:
            labels.append(template["metadata"]["labels"])
    for file, manifest in manifests(root):
        for container in pod(manifest).get("containers", []):
            for source in container["envFrom"]:
                kind = "ConfigMap" if "configMapRef" in source else "Secret"
                name = next(iter(source.values()))["name"]
                if name not in by_kind[kind]:
                    wrong.append(f"deploy/k8s/{file}: there is no {kind} {name}")
        spec = manifest.get("spec", {})
        chosen = spec.get("selector") or spec.get("podSelector")
        if chosen:
            wanted = chosen.get("matchLabels", chosen).items()
            if not any(wanted <= found.items() for found in labels):
                wrong.append(f"deploy/k8s/{file}: {manifest['kind']} selects nothing")
        if "scaleTargetRef" in spec and spec["scaleTargetRef"]["name"] not in by_kind["Deployment"]:
            wrong.append(f"deploy/k8s/{file}: scales nothing")
        if manifest["kind"] == "Ingress":
            for rule in spec["rules"]:
                for path in rule["http"]["paths"]:
                    if path["backend"]["service"]["name"] not in by_kind["Service"]:
                        wrong.append(f"deploy/k8s/{file}: leads nowhere")
    return wrong
