"""A program of somebody else's that hears every fact: durable, patient, and none of ours."""

import json
import threading
import time
from collections import defaultdict

import pika
import pika.exceptions

QUEUE = "chaos.witness"
DEAD_INTEGRATOR = "chaos.dead-integrator"


class Witness:
    def __init__(self, url: str):
        self.url = url
        self.heard: list[dict] = []
        self.lock = threading.Lock()
        self.closing = False
        self.declare()
        threading.Thread(target=self._listen, daemon=True).start()

    def declare(self) -> None:
        """Also when the broker has lost everything."""
        connection = self._connect()
        channel = connection.channel()
        channel.exchange_declare("em.events", "topic", durable=True)
        channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(QUEUE, "em.events", "#")
        # Bounded and never read: it must hold nobody up.
        channel.queue_declare(DEAD_INTEGRATOR, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 50})
        channel.queue_bind(DEAD_INTEGRATOR, "em.events", "#")
        connection.close()

    def _connect(self) -> pika.BlockingConnection:
        parameters = pika.URLParameters(self.url)
        parameters.heartbeat = 5
        parameters.socket_timeout = parameters.blocked_connection_timeout = 5
        return pika.BlockingConnection(parameters)

    def _listen(self) -> None:
        while not self.closing:
            try:
                connection = self._connect()
                channel = connection.channel()
                channel.basic_qos(prefetch_count=200)
                for method, _, body in channel.consume(QUEUE, inactivity_timeout=0.5):
                    if self.closing:
                        break
                    if method is None:
                        continue
                    with self.lock:
                        self.heard.append(json.loads(body))
                    channel.basic_ack(method.delivery_tag)
                connection.close()
            except (pika.exceptions.AMQPError, OSError):
                time.sleep(0.5)

    def by_event(self) -> dict[str, list[dict]]:
        """The messages of each event in the order of their first arrival."""
        with self.lock:
            heard = list(self.heard)
        events: dict[str, list[dict]] = defaultdict(list)
        seen: set[str] = set()
        for message in heard:
            if message["id"] not in seen:
                seen.add(message["id"])
                events[message["subject"]].append(message)
        return events

    def count(self) -> int:
        with self.lock:
            return len({message["id"] for message in self.heard})

    def close(self) -> None:
        self.closing = True


def depths(url: str) -> dict[str, int]:
    """How many messages are ready in each of the product's queues; empty while the broker is away."""
    names = []
    for queue in ("ticket-worker.issue", "notifications.plan", "notifications.mail", "notifications.mailings", "notifications.bulkMail",
                  "notifications.webhooks"):
        names += [queue, f"{queue}.parked", *(f"{queue}.retry.{rung}" for rung in ("5s", "30s", "5m", "1h"))]
    try:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = connection.channel()
        found = {name: channel.queue_declare(name, passive=True).method.message_count for name in names}
        connection.close()
        return found
    except (pika.exceptions.AMQPError, OSError):
        return {}


def parked(url: str, queue: str) -> list[tuple[pika.BasicProperties, bytes]]:
    """Looks at a parking queue; everything stays in it."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    found = []
    while True:
        method, properties, body = channel.basic_get(f"{queue}.parked")
        if method is None:
            break
        found.append((properties, body))
    connection.close()
    return found
