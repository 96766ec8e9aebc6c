"""What an OpenTelemetry collector hears: one trace from the request to the mail, through four processes."""

import http.server
import json
import threading
import uuid
from collections import defaultdict

from em.people import People
from em.stack import Second, Stack
from em.waiting import eventually
from em.world import World

WAY = {
    "POST /api/v1/events/{id}/registrations": ("api-service", 2), "process ticket-worker.issue": ("ticket-worker", 5),
    "process notifications.plan": ("notifications", 5), "process notifications.mail": ("notifications", 5),
    "send mail": ("notifications", 3),
}


def ancestry(span: dict, ids: dict[str, dict]) -> list[str]:
    """The names from the request down to this span, as far as their spans were recorded."""
    parent = ids.get(span.get("parentSpanId", ""))
    return [*(ancestry(parent, ids) if parent else []), span["name"]]


class Collector(http.server.ThreadingHTTPServer):
    """Takes OTLP in JSON, and refuses the first request of all: what was in it must come again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exports)
        self.requests = 0
        self.traces: dict[str, list[dict]] = defaultdict(list)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def whole(self) -> list[dict] | None:
        """A trace whose mail was recorded on all of its way; others passed by processes without a collector."""
        for spans in list(self.traces.values()):
            ids = {span["spanId"]: span for span in spans}
            if any(ancestry(span, ids) == list(WAY) for span in spans) and all(
                    span["kind"] == 2 or span["parentSpanId"] in ids for span in spans if span["name"] in WAY):
                return list(spans)
        return None


class Exports(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests += 1
        assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json"
        if self.server.requests > 1:
            for resource in body["resourceSpans"]:
                [service] = [one["value"]["stringValue"] for one in resource["resource"]["attributes"]
                             if one["key"] == "service.name"]
                for span in resource["scopeSpans"][0]["spans"]:
                    self.server.traces[span["traceId"]].append({**span, "service": service})
        self.send_response(503 if self.server.requests == 1 else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


def test_a_registration_is_one_trace_from_the_request_to_the_mail(stack: Stack, world: World, people: People) -> None:
    event = world.event(people.one("organizer"), capacity=1_000)
    crowd = people.many(400)
    browser = uuid.uuid4().hex[:16]
    with Collector() as collector:
        told = {"EM_OTLP_ENDPOINT": collector.url}
        with Second(stack, "api-service", **told) as api, Second(stack, "ticket-worker", **told), \
                Second(stack, "notifications", **told):
            def whole_after_more() -> list[dict] | None:
                # How the work is shared with the instances without a collector is chance: some more, until one trace is whole.
                for person in [crowd.pop() for _ in range(min(5, len(crowd)))]:
                    person.api.url = api.url
                    person.api.post(f"/events/{event['id']}/registrations", status=201,
                                    headers={"traceparent": f"00-{uuid.uuid4().hex}-{browser}-01"})
                return collector.whole()

            spans = eventually(whole_after_more, "a trace that is whole", within=120, every=0.5)
    assert spans
    ids = {span["spanId"]: span for span in spans}
    assert len(ids) == len(spans), "a span was sent twice"
    for span in spans:
        if span["name"] not in WAY:
            continue
        assert (span["service"], span["kind"]) == WAY[span["name"]]
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        if span["kind"] == 2:
            assert span["parentSpanId"] == browser
        else:
            assert span["parentSpanId"] in ids, f"{span['name']} hangs on nothing"
        assert not [value for one in span["attributes"] if "@" in (value := one["value"]["stringValue"])], "personal data"
