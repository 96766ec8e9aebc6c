"""Somebody who hears everything on em.events while the tests run, and holds it against the description."""

import json
import threading

import pika
import pika.exceptions

from em.contract import described


class Tap:
    """Comes back when the broker does; what is said meanwhile it does not hear."""

    def __init__(self, url: str):
        self.url = url
        self.heard = 0
        self.types: set[str] = set()
        self.wrong: list[str] = []
        self._listening, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Tap":
        self._thread.start()
        assert self._listening.wait(30), "the broker can't be reached"
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except (pika.exceptions.AMQPError, OSError):
                self._closing.wait(0.5)  # tests stop the broker, too

    def _listen(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, "em.events", "#")
            self._listening.set()
            for method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=0.2):
                if method is not None:
                    self.take(method.routing_key, properties, body)
                elif self._closing.is_set():
                    return
        finally:
            if connection.is_open:
                connection.close()

    def take(self, key: str, properties: pika.BasicProperties, body: bytes) -> None:
        if key.startswith("em.test."):
            return  # a test that tries what may be published
        self.heard += 1
        try:
            message = json.loads(body)
            self.types.add(message["type"])
            described().check_message(message)
            described().check_headers(properties.headers or {})
            assert key == message["type"] == properties.type and properties.message_id == message["id"], properties
        except (AssertionError, ValueError, KeyError) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
