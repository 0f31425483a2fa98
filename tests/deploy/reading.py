"""Reads the deploy files."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml


def read_yaml(path: Path) -> list[Any]:
    """Return the documents of a YAML file; nobody changes them."""
    return _parsed(path.read_text())


@cache
def _parsed(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def dockerfile(root: Path) -> dict[str, list[str]]:
    """Return the Dockerfile's instructions by name, continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", (root / "Dockerfile").read_text(), flags=re.M)
    found: dict[str, list[str]] = {}
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name:
            found.setdefault(name, []).append(rest)
    return found


def manifests(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each Kubernetes object with the file it is in."""
    for path in sorted((root / "deploy/k8s").glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from ((path.name, manifest) for manifest in read_yaml(path))


def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what runs in a Deployment or Job; nothing of another kind."""
    found: dict[str, Any] = manifest.get("spec", {}).get("template", {}).get("spec", {})
    return found
