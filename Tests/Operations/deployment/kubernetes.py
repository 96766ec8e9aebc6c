"""The manifests as the cluster would get them: rendered by Debian's kubectl, with secrets made for the occasion."""

import copy
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from deployment.code import ROOT

SOURCE = ROOT / "infra/kubernetes"
KUBECTL = ROOT / ".local-tools/kubectl"
SMTP_URL = "smtp://em:3f1c9a5b7d2e4f60@mail.example.com:587?tls=required"
WORKLOADS = ("Deployment", "StatefulSet", "Job")
Document = dict


def make_secrets(overlay: str, directory: Path, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [SOURCE / "secrets", overlay, "--api-service", str(ROOT / ".build/debug/api-service"), "--directory", directory, *more],
        capture_output=True, text=True, timeout=60)


def kustomize(directory: Path) -> subprocess.CompletedProcess:
    return subprocess.run([KUBECTL, "kustomize", directory], capture_output=True, text=True, timeout=60)


def copied(place: str) -> Path:
    """infra/kubernetes without the secrets that somebody may keep there."""
    target = Path(place) / "kubernetes"
    shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("secrets"))
    return target


@cache
def _rendered(overlay: str) -> tuple[Document, ...]:
    with TemporaryDirectory() as place:
        target = copied(place) / "overlays" / overlay
        made = make_secrets(overlay, target / "secrets", "--smtp-url", SMTP_URL)
        assert made.returncode == 0, made.stderr
        ran = kustomize(target)
        assert ran.returncode == 0, ran.stderr
        return tuple(document for document in yaml.safe_load_all(ran.stdout) if document)


def rendered(overlay: str) -> list[Document]:
    return copy.deepcopy(list(_rendered(overlay)))


def one(documents: list[Document], kind: str, name: str) -> Document:
    [found] = [document for document in documents if document["kind"] == kind and document["metadata"]["name"] == name]
    return found


def of_kind(documents: list[Document], *kinds: str) -> list[Document]:
    return [document for document in documents if document["kind"] in kinds]


def name_of(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def pod(workload: Document) -> Document:
    return workload["spec"]["template"]


def containers(workload: Document) -> list[Document]:
    spec = pod(workload)["spec"]
    return spec.get("initContainers", []) + spec["containers"]


def pods(documents: list[Document]) -> dict[str, dict[str, str]]:
    """Every kind of pod there will be, and its labels: the operators' too, which take them from their resources."""
    labels = {workload["metadata"]["name"]: pod(workload)["metadata"]["labels"] for workload in of_kind(documents, *WORKLOADS)}
    for cluster in of_kind(documents, "Cluster"):
        labels[cluster["metadata"]["name"]] = cluster["spec"]["inheritedMetadata"]["labels"]
    for cluster in of_kind(documents, "RabbitmqCluster"):
        labels[cluster["metadata"]["name"]] = {**cluster["metadata"]["labels"], "app.kubernetes.io/name": cluster["metadata"]["name"]}
    return labels


def selects(selector: Document, labels: dict[str, str]) -> bool:
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In", expression
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
