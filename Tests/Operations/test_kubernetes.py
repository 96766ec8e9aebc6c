"""infra/kubernetes, rendered as a cluster would get it, against the schemas of Kubernetes and against the code.

None of it has run on a cluster here; what can be known without one is checked."""

import base64
import json
import re
import stat
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml
from deployment import code
from deployment.kubernetes import (
    SMTP_URL, SOURCE, WORKLOADS, Document, containers, copied, kustomize, make_secrets, name_of, of_kind, one, pod, pods, rendered,
    selects,
)
from deployment.network import Network

OVERLAYS = ("small", "production")
SCHEMAS = Path(__file__).parent / "schemas"
VERSIONS = ("1.29", "1.33")  # of Kubernetes
OURS = (*code.SERVICES, "web")

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)


@pytest.fixture
def documents(overlay: str) -> list[Document]:
    return rendered(overlay)


def test_every_document_fits_its_schema(documents: list[Document]) -> None:
    for document in documents:
        own = SCHEMAS / f"{document['kind']}.json"
        if own.exists():
            jsonschema.validate(document, json.loads(own.read_text()))
        else:
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)


def test_a_misspelt_field_is_noticed(documents: list[Document]) -> None:
    """The control of the test above."""
    deployment = one(documents, "Deployment", "api-service")
    deployment["spec"]["template"]["spec"]["terminationGracePeriod"] = 50
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[0], strict=True)
    for kind in {document["kind"] for document in documents if (SCHEMAS / f"{document['kind']}.json").exists()}:
        document = of_kind(documents, kind)[0]
        document["spec"]["maxReplicas"] = 3
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, json.loads((SCHEMAS / f"{kind}.json").read_text()))


def test_everything_lies_in_one_namespace_and_no_name_comes_twice(documents: list[Document]) -> None:
    names = [name_of(document) for document in documents]
    assert len(set(names)) == len(names)
    assert {document["metadata"].get("namespace") for document in documents if document["kind"] != "Namespace"} == {"em-connect"}


# --- pods


def workloads(documents: list[Document]) -> list[Document]:
    return of_kind(documents, *WORKLOADS)


def test_pods_are_confined(documents: list[Document]) -> None:
    for workload in workloads(documents):
        spec = pod(workload)["spec"]
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True and security["runAsUser"] > 0, name_of(workload)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not any("hostPath" in volume for volume in spec["volumes"])
        for container in containers(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }, name_of(workload)
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_images_are_pinned(documents: list[Document]) -> None:
    images = {container["image"] for workload in workloads(documents) for container in containers(workload)}
    images |= {cluster["spec"]["imageName"] for cluster in of_kind(documents, "Cluster")}
    images |= {cluster["spec"]["image"] for cluster in of_kind(documents, "RabbitmqCluster")}
    version = re.search(r'version = "([\d.]+)"', (code.ROOT / "Sources/Bootstrap/Build.swift").read_text())[1]
    for image in images:
        tag = image.rpartition(":")[2]
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-[a-z]+)*(@sha256:[0-9a-f]{64})?", image.partition("@")[0].rpartition(":")[2]), image
        assert "em-connect/" not in image or tag == version, image


def test_probes_ask_ports_that_there_are(documents: list[Document]) -> None:
    inside = re.search(r"EM_HTTP_PORT=(\d+)", (code.ROOT / "infra/Dockerfile").read_text())[1]
    for workload in of_kind(documents, "Deployment", "StatefulSet"):
        for container in pod(workload)["spec"]["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
                probe = container[kind]
                asked = probe.get("httpGet") or probe.get("tcpSocket")
                assert asked is None or asked["port"] in ports, name_of(workload)
            if workload["metadata"]["name"] in code.SERVICES:
                assert ports == {"http": int(inside)}
                assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/livez"
                assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
                # A readiness check gives a server two seconds: the probe has to wait for longer.
                assert container["readinessProbe"]["timeoutSeconds"] > 2
    routes = (code.ROOT / "Sources/Bootstrap/HealthEndpoint.swift").read_text()
    assert 'router.get("/livez")' in routes and 'router.get("/readyz")' in routes and 'router.get("/metrics")' in routes


def test_selectors_find_their_pods(documents: list[Document]) -> None:
    labels = pods(documents)
    for workload in of_kind(documents, "Deployment", "StatefulSet"):
        own = labels[workload["metadata"]["name"]]
        assert selects(workload["spec"]["selector"], own)
        for constraint in pod(workload)["spec"].get("topologySpreadConstraints", []):
            assert selects(constraint["labelSelector"], own)
    for service in of_kind(documents, "Service"):
        found = [name for name, own in labels.items() if selects({"matchLabels": service["spec"]["selector"]}, own)]
        assert len(found) == 1, name_of(service)
        [workload] = [workload for workload in workloads(documents) if workload["metadata"]["name"] == found[0]]
        ports = {port["name"] for container in pod(workload)["spec"]["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for budget in of_kind(documents, "PodDisruptionBudget"):
        assert [name for name, own in labels.items() if selects(budget["spec"]["selector"], own)] == [budget["metadata"]["name"]]
        assert budget["spec"]["maxUnavailable"] == 1  # one of one, too: a node can always be emptied
    assert {budget["metadata"]["name"] for budget in of_kind(documents, "PodDisruptionBudget")} >= set(OURS)


def test_pods_are_given_the_time_that_draining_takes(documents: list[Document]) -> None:
    settings = settings_map(documents, "api-service")
    assert float(settings["EM_DRAIN_DELAY"]) + 10 < float(settings["EM_MAXIMUM_DRAIN"])
    for name in code.SERVICES:
        grace = pod(one(documents, "Deployment", name))["spec"]["terminationGracePeriodSeconds"]
        # runServices cancels what is left at the maximum and gives that five seconds.
        assert grace >= float(settings["EM_MAXIMUM_DRAIN"]) + 5
    web = pod(one(documents, "Deployment", "web"))["spec"]
    assert web["terminationGracePeriodSeconds"] >= 10 + 30  # asleep, then as long as a request may take


# --- settings


def settings_map(documents: list[Document], workload: str) -> dict[str, str]:
    """What a container of ours is told, by variables and by the ConfigMap that it takes them from."""
    [found] = [each for each in workloads(documents) if each["metadata"]["name"] == workload]
    [container] = pod(found)["spec"]["containers"]
    told: dict[str, str] = {}
    for source in container.get("envFrom", []):
        told |= one(documents, "ConfigMap", source["configMapRef"]["name"])["data"]
    return told | {entry["name"]: entry["value"] for entry in container.get("env", [])}


def test_services_are_told_what_their_code_reads(documents: list[Document]) -> None:
    known = {setting.name for setting in code.settings()}
    for service in code.SERVICES:
        told = {name.removesuffix("_FILE") for name in settings_map(documents, service)}
        [container] = pod(one(documents, "Deployment", service))["spec"]["containers"]
        own = {entry["name"].removesuffix("_FILE") for entry in container["env"]}
        assert own <= code.known_to(service), "a variable that this service doesn't read"
        assert told <= known, "a variable that no service reads"
        # The port is the image's.
        assert code.required_by(service) - {"EM_HTTP_PORT"} <= told, "a variable that this service can't do without"


def test_nginx_is_told_what_its_template_asks_for(documents: list[Document]) -> None:
    template = (code.ROOT / "infra/nginx/em.conf.template").read_text()
    start = (code.ROOT / "infra/nginx/start").read_text()
    asked = set(re.findall(r"\$\{(EM_[A-Z_]+)\}", template)) | {"EM_TRUSTED_PROXIES"}
    given = set(re.findall(r"\b(EM_[A-Z_]+)=", (code.ROOT / "infra/Dockerfile").read_text())) | set(re.findall(r"(EM_[A-Z_]+)=", start))
    told = settings_map(documents, "web")
    assert told.keys() <= asked and asked - given <= told.keys()
    for name, service in (("EM_API_UPSTREAM", "api-service"), ("EM_HUB_UPSTREAM", "ws-hub")):
        host, _, port = told[name].partition(":")
        assert host == f"{service}.em-connect.svc.cluster.local"
        assert int(port) in [entry["port"] for entry in one(documents, "Service", service)["spec"]["ports"]]


def test_files_that_are_named_are_mounted(documents: list[Document]) -> None:
    for workload in workloads(documents):
        volumes = {volume["name"]: volume for volume in pod(workload)["spec"]["volumes"]}
        for container in containers(workload):
            mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]
                      if mount["name"] in volumes}
            paths = [entry["value"] for entry in container.get("env", []) if entry.get("value", "").startswith("/")]
            paths += [word for word in container.get("command", []) if word.startswith(("/secrets", "/scripts", "/configuration"))]
            for path in paths:
                folder, _, name = path.rpartition("/")
                if folder not in mounts:
                    assert folder.startswith("/var/lib"), path
                    continue
                volume = mounts[folder]
                if "secret" in volume and volume["secret"]["secretName"] != "postgres-ca":  # CloudNativePG's own
                    assert name in one(documents, "Secret", volume["secret"]["secretName"])["data"], path
                elif "configMap" in volume:
                    assert name in one(documents, "ConfigMap", volume["configMap"]["name"])["data"], path
                elif "secret" in volume:
                    assert name in [item["path"] for item in volume["secret"]["items"]], path


# --- secrets


def secret_values(documents: list[Document]) -> dict[str, dict[str, str]]:
    return {secret["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
            for secret in of_kind(documents, "Secret")}


def test_secrets_are_made_and_never_written_down(overlay: str, tmp_path: Path) -> None:
    """Without the step that makes them nothing is rendered; what is made is nobody else's, and stays."""
    bare = copied(str(tmp_path))
    assert kustomize(bare / "overlays" / overlay).returncode != 0
    assert not [file for file in bare.rglob("*.yaml") if re.search(r"^kind: Secret$", file.read_text(), re.M)]
    refused = make_secrets(overlay, tmp_path / "without")
    assert refused.returncode != 0 and "--smtp-url" in refused.stderr

    def made(name: str) -> dict[str, str]:
        directory = tmp_path / name
        ran = make_secrets(overlay, directory, "--smtp-url", SMTP_URL)
        assert ran.returncode == 0, ran.stderr
        for file in directory.rglob("*"):
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 or file.is_dir(), file
        assert stat.S_IMODE(directory.stat().st_mode) & 0o077 == 0
        return {str(file.relative_to(directory)): file.read_text() for file in directory.rglob("*") if file.is_file()}

    first, again, other = made("a"), made("a"), made("b")
    assert first == again
    passwords = [text for name, text in first.items() if name.startswith("passwords/")]
    assert len(set(passwords)) == len(passwords) > 10 and all(len(password) == 48 for password in passwords)
    assert not set(passwords) & {text for name, text in other.items() if name.startswith("passwords/")}
    assert first["keys/ticket.key"] != other["keys/ticket.key"]


def test_a_pod_gets_the_secrets_that_it_needs(documents: list[Document]) -> None:
    holders: dict[str, set[str]] = {}
    for workload in workloads(documents):
        for volume in pod(workload)["spec"]["volumes"]:
            if "secret" in volume:
                holders.setdefault(volume["secret"]["secretName"], set()).add(workload["metadata"]["name"])
    for service in code.SERVICES:
        assert holders[service] == {service}
    assert holders["migrate"] == {"migrate"}
    values = secret_values(documents)
    assert [name for name, entries in values.items() if "ticket.key" in entries] == ["ticket-worker"]
    assert [name for name, entries in values.items() if "access-token.key" in entries] == ["api-service"]
    for kind in ("database-url", "amqp-url", "redis-url"):
        users = [re.match(r"\w+://(\w+):", entries[kind])[1] for entries in values.values() if kind in entries]
        assert len(set(users)) == len(users) and not set(users) & {"postgres", "em", "em_owner", "default"}


def test_servers_get_the_users_that_services_log_in_as(documents: list[Document], overlay: str) -> None:
    values = secret_values(documents)
    users = {user["name"]: user for user in json.loads(values["rabbitmq"]["definitions.json"])["users"]}
    rights = json.loads((code.ROOT / "infra/rabbitmq/definitions.json").read_text())["permissions"]
    assert json.loads(values["rabbitmq"]["definitions.json"])["permissions"][:len(rights)] == rights
    assert all("password" not in user and user["password_hash"] for user in users.values())
    acl = values["redis"].get("users.acl") or values["redis"]["redis.conf"]
    assert "user default off" in acl
    roles = set(re.findall(r"\b(em_\w+)'", (code.ROOT / "infra/postgres/roles.sql").read_text()))
    for entries in values.values():
        for kind, known in (("database-url", roles), ("amqp-url", users), ("redis-url", re.findall(r"user (\w+) on", acl))):
            if kind in entries:
                assert re.match(r"\w+://(\w+):", entries[kind])[1] in known
    services = {service["metadata"]["name"] for service in of_kind(documents, "Service")}
    services |= {f"{cluster['metadata']['name']}-rw" for cluster in of_kind(documents, "Cluster")}
    services |= {cluster["metadata"]["name"] for cluster in of_kind(documents, "RabbitmqCluster")}
    hosts = {re.search(r"@([\w-]+)[:/]", entries[kind])[1]
             for entries in values.values() for kind in entries if kind in ("database-url", "migration-url", "amqp-url", "redis-url")}
    assert hosts <= services
    if overlay == "production":
        assert all("sslmode=verify-full" in entries["database-url"] for entries in values.values() if "database-url" in entries)


def test_the_broker_asks_api_service_about_readers_of_queues(documents: list[Document], overlay: str) -> None:
    wanted = [line for line in (code.ROOT / "infra/rabbitmq/subscribers.conf").read_text().splitlines() if not line.startswith("#")]
    assert [line.split(" = ")[0] for line in wanted[:2]] == ["auth_backends.1", "auth_backends.2"]
    if overlay == "small":
        settings = secret_values(documents)["rabbitmq"]
        assert "rabbitmq_auth_backend_http,em_readers" in settings["enabled_plugins"]
        told = settings["rabbitmq.conf"]
    else:
        [cluster] = of_kind(documents, "RabbitmqCluster")
        assert cluster["spec"]["rabbitmq"]["additionalPlugins"] == ["rabbitmq_auth_backend_http", "em_readers"]
        told = cluster["spec"]["rabbitmq"]["additionalConfig"]
    assert set(wanted) <= set(told.splitlines())


# --- network


def test_the_network_lets_through_what_is_needed_and_nothing_else(documents: list[Document], overlay: str) -> None:
    network = Network(documents)
    database = {("api-service", "postgres"), ("ws-hub", "postgres"), ("ticket-worker", "postgres"), ("notifications", "postgres"),
                ("migrate", "postgres")}
    broker = {("api-service", "rabbitmq"), ("ticket-worker", "rabbitmq"), ("notifications", "rabbitmq")}
    cache = "redis" if overlay == "small" else "redis-proxy"
    wanted = {(*pair, 5432) for pair in database} | {(*pair, 5672) for pair in broker}
    wanted |= {("api-service", cache, 6379), ("ws-hub", cache, 6379), ("web", "api-service", 8080), ("web", "ws-hub", 8080),
               ("rabbitmq", "api-service", 8080)}
    if overlay == "production":
        wanted |= {("redis-proxy", "redis", 6379), ("redis", "redis", 6379), ("redis", "redis", 26379), ("postgres", "postgres", 5432),
                   ("postgres", "postgres", 8000), ("rabbitmq", "rabbitmq", 4369), ("rabbitmq", "rabbitmq", 25672)}
    ports = (22, 80, 443, 4369, 5432, 5672, 6379, 8000, 8080, 15672, 25672, 26379)
    everybody = pods(documents)
    reached = {(client, server, port) for client in everybody for server in everybody for port in ports
               if network.inside(client, server, port)}
    # nginx takes connections on its port from wherever the cluster's way in is.
    assert {way for way in reached if way[1] != "web"} == wanted
    assert not any(network.inside(client, "web", 8080) for client in everybody)
    for name in everybody:
        assert network.from_namespace("monitoring", name, 8080) == (name in code.SERVICES or name == "web")
        assert network.from_namespace("somebody", name, 8080) == (name == "web")
        outside = {port for port in ports + (25, 465, 587) if network.to_outside(name, port)}
        operated = overlay == "production" and name in ("postgres", "rabbitmq")
        webhooks = {port for port in ports if port in (80, 443) or port >= 1024}
        assert outside == ({25, 465, 587} | webhooks if name == "notifications" else {443} if operated else set()), name


# --- scaling


def replicas(documents: list[Document]) -> dict[str, tuple[int, int]]:
    found = {workload["metadata"]["name"]: (workload["spec"].get("replicas", 1),) * 2
             for workload in of_kind(documents, "Deployment", "StatefulSet")}
    for scaler in of_kind(documents, "HorizontalPodAutoscaler"):
        found[scaler["spec"]["scaleTargetRef"]["name"]] = scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]
    for scaler in of_kind(documents, "ScaledObject"):
        found[scaler["spec"]["scaleTargetRef"]["name"]] = scaler["spec"]["minReplicaCount"], scaler["spec"]["maxReplicaCount"]
    return found


def test_scalers_scale_what_there_is(documents: list[Document], overlay: str) -> None:
    scaled = of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject")
    assert {scaler["metadata"]["name"] for scaler in scaled} == (set(OURS) if overlay == "production" else set())
    for scaler in scaled:
        target = one(documents, "Deployment", scaler["spec"]["scaleTargetRef"]["name"])
        assert "replicas" not in target["spec"], "an upgrade would undo the scaling"
    for low, high in (replicas(documents)[name] for name in OURS):
        assert 1 <= low <= high and (overlay == "small" or low >= 2)
    queues = {trigger["metadata"]["queueName"] for scaler in of_kind(documents, "ScaledObject") for trigger in scaler["spec"]["triggers"]}
    assert queues == (code.queues() if overlay == "production" else set())
    for authentication in of_kind(documents, "TriggerAuthentication"):
        for reference in authentication["spec"]["secretTargetRef"]:
            assert reference["key"] in secret_values(documents)[reference["name"]]


def test_the_database_has_a_connection_for_everybody(documents: list[Document]) -> None:
    """At the upper bounds, in the middle of a rolling update (one more of each), with ten left for its keepers."""
    wanted = sum((replicas(documents)[service][1] + 1) * connections for service, connections in code.connections().items()) + 10
    if clusters := of_kind(documents, "Cluster"):
        there = int(clusters[0]["spec"]["postgresql"]["parameters"]["max_connections"])
    else:
        arguments = containers(one(documents, "StatefulSet", "postgres"))[0]["args"]
        there = int(next(word for word in arguments if word.startswith("max_connections=")).partition("=")[2])
    assert wanted <= there


def test_the_database_logs_no_values(documents: list[Document]) -> None:
    lines = (code.ROOT / "infra/postgres/log.conf").read_text().splitlines()
    wanted = dict(line.split(" = ") for line in lines if not line.startswith("#"))
    if clusters := of_kind(documents, "Cluster"):
        told = clusters[0]["spec"]["postgresql"]["parameters"]
    else:
        told = dict(word.split("=") for word in containers(one(documents, "StatefulSet", "postgres"))[0]["args"] if "=" in word)
    assert wanted.items() <= told.items() and len(wanted) >= 5


def test_the_files_say_nothing_twice(overlay: str) -> None:
    """A file that no kustomization names is rendered by nobody."""
    for kustomization in (SOURCE / "base", SOURCE / "overlays" / overlay):
        listed = yaml.safe_load((kustomization / "kustomization.yaml").read_text())
        named = set(listed["resources"]) | set(listed.get("patchesStrategicMerge", [])) | {"kustomization.yaml"}
        assert {file.name for file in kustomization.glob("*.yaml")} == named
