"""The overlay that docs/deployment/kubernetes.md tells people to write builds, and is what they meant."""

import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.validators import BIN, ROOT
from tests.docs.markdown import blocks

Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Manifest]:
    """Every object of the built overlay, by kind and name."""
    folder = tmp_path_factory.mktemp("cluster")
    page = ROOT / "docs/deployment/kubernetes.md"
    (block,) = [b for b in blocks(page) if "overlay/kustomization.yaml" in b.text]
    # The checkout in place of its address on GitHub, which kustomize would fetch.
    (folder / "base").symlink_to(ROOT / "deploy/k8s")
    address = "github.com/incidentbot/incidentbot//deploy/k8s?ref=main"
    assert address in block.text
    script = block.text.replace(address, "../base")
    subprocess.run(["sh", "-eu", "-c", script], cwd=folder, check=True)
    (more,) = [b.text for b in blocks(page) if "kind: NetworkPolicy" in b.text]
    with (folder / "overlay/kustomization.yaml").open("a") as overlay:
        overlay.write(more)
    built = subprocess.run(
        [BIN / "kubectl", "kustomize", "--load-restrictor", "LoadRestrictionsNone", "overlay"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (folder / "built.yaml").write_text(built.stdout)
    checked = subprocess.run(
        [BIN / "kubernetes-validate", "--strict", "--quiet", str(folder / "built.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return {
        (manifest["kind"], manifest["metadata"]["name"]): manifest
        for manifest in yaml.safe_load_all((folder / "built.yaml").read_text())
    }


def test_the_address_is_theirs_everywhere(manifests: dict[tuple[str, str], Manifest]) -> None:
    settings = manifests["ConfigMap", "incidentbot"]["data"]
    assert settings["BASE_URL"] == "https://incidents.acme.com"
    assert settings["PROXY_HOPS"] == "1", "the rest of the settings stays"
    spec = manifests["Ingress", "incidentbot"]["spec"]
    assert spec["rules"][0]["host"] == spec["tls"][0]["hosts"][0] == "incidents.acme.com"
    assert not [text for text in map(str, manifests.values()) if "example.com" in text]


def test_the_ingress_is_of_their_class_with_a_certificate(
    manifests: dict[tuple[str, str], Manifest],
) -> None:
    ingress = manifests["Ingress", "incidentbot"]
    assert ingress["spec"]["ingressClassName"] == "traefik"
    assert ingress["spec"]["tls"][0]["secretName"] == "incidentbot-tls"
    assert ingress["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt"}
    page = (ROOT / "docs/deployment/kubernetes.md").read_text()
    assert "create secret tls incidentbot-tls" in page
    assert "metadata: {name: letsencrypt}" in page


def test_their_database_is_let_out_to_at_its_own_port(
    manifests: dict[tuple[str, str], Manifest],
) -> None:
    (out,) = manifests["NetworkPolicy", "incidentbot"]["spec"]["egress"]
    ports = [entry["port"] for entry in out["ports"]]
    assert ports[-2:] == [25060, 25061]
    assert {53, 443, 5432, 6379} <= set(ports)


def test_no_apply_undoes_what_the_autoscaler_did(
    manifests: dict[tuple[str, str], Manifest],
) -> None:
    scaled = manifests["HorizontalPodAutoscaler", "incidentbot-web"]["spec"]["scaleTargetRef"]
    assert "replicas" not in manifests["Deployment", scaled["name"]]["spec"]


def test_the_secret_is_left_to_them(manifests: dict[tuple[str, str], Manifest]) -> None:
    assert ("Secret", "incidentbot") not in manifests
    assert ("Job", "incidentbot-release") in manifests


def test_every_pod_has_the_version_they_chose(
    manifests: dict[tuple[str, str], Manifest],
) -> None:
    images = {
        container["image"]
        for manifest in manifests.values()
        for container in manifest.get("spec", {})
        .get("template", {})
        .get("spec", {})
        .get("containers", [])
    }
    assert images == {"ghcr.io/incidentbot/incidentbot:0.1.0"}
