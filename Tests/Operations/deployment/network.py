"""Whether the NetworkPolicies let a connection pass, by the rules of Kubernetes: a pod that some policy of a direction
selects is closed in that direction but for what one of them allows; both ends have to agree."""

from deployment.kubernetes import Document, of_kind, pods, selects


def allows_port(rule: Document, port: int) -> bool:
    return not rule.get("ports") or any(entry["port"] <= port <= entry.get("endPort", entry["port"]) and entry.get("protocol") == "TCP"
                                        for entry in rule["ports"])


def allows_peer(rule: Document, side: str, labels: dict[str, str] | None, namespace: str | None) -> bool:
    """`labels`: a pod of our namespace; `namespace`: some pod of another one; neither: somewhere outside."""
    peers = rule.get(side)
    if not peers:
        return True
    for peer in peers:
        if "ipBlock" in peer:  # none of ours but NodeLocal DNSCache is given by its address
            if labels is None and namespace is None:
                return True
        elif "namespaceSelector" in peer:
            if namespace and "podSelector" not in peer and selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": namespace}):
                return True
        elif "podSelector" in peer and labels is not None and selects(peer["podSelector"], labels):
            return True
    return False


class Network:
    def __init__(self, documents: list[Document]):
        self.policies = [policy["spec"] for policy in of_kind(documents, "NetworkPolicy")]
        self.pods = pods(documents)

    def _open(self, pod: str, direction: str, side: str, port: int, labels: dict[str, str] | None, namespace: str | None) -> bool:
        governing = [policy for policy in self.policies
                     if direction in policy["policyTypes"] and selects(policy["podSelector"], self.pods[pod])]
        return not governing or any(
            allows_port(rule, port) and allows_peer(rule, side, labels, namespace)
            for policy in governing for rule in policy.get(direction.lower()) or [])

    def inside(self, client: str, server: str, port: int) -> bool:
        return (self._open(client, "Egress", "to", port, self.pods[server], None)
                and self._open(server, "Ingress", "from", port, self.pods[client], None))

    def from_namespace(self, namespace: str, server: str, port: int) -> bool:
        return self._open(server, "Ingress", "from", port, None, namespace)

    def to_outside(self, client: str, port: int) -> bool:
        return self._open(client, "Egress", "to", port, None, None)
