"""People who register and cancel while everything breaks, and who don't give up before they know."""

import random
import threading
import time
import uuid
from dataclasses import dataclass, field

import requests

from em.people import Person


@dataclass
class Told:
    """What somebody was told in the end."""

    person: Person
    event: str
    registration: str = ""
    status: str = ""
    cancelled: bool = False
    answers: list[str] = field(default_factory=list)


class Load:
    def __init__(self, urls, events: list[str], people: list[Person], seed: int, threads: int = 8,
                 cancelling: float = 0.1, pace: float = 0.05):
        """`urls` is asked anew for each request: instances come and go."""
        self.urls, self.events, self.people = urls, events, people
        self.cancelling, self.pace = cancelling, pace
        self.told: list[Told] = []
        self.unsettled: list[Told] = []
        self.next = 0
        self.stopping = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._request_page, args=(random.Random(seed * 1000 + number),), daemon=True)
                        for number in range(threads)]
        for thread in self.threads:
            thread.start()

    def finish(self, patience: float = 60) -> None:
        """Everybody comes, and finds out what became of their wish."""
        deadline = time.monotonic() + patience
        for thread in self.threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        self.stop()

    def stop(self, patience: float = 40) -> None:
        """Nobody new comes; those at it find out what became of their wish."""
        self.stopping = True
        deadline = time.monotonic() + patience
        for thread in self.threads:
            thread.join(max(0.1, deadline - time.monotonic()))

    def _request_page(self, rng: random.Random) -> None:
        while not self.stopping:
            with self.lock:
                if self.next >= len(self.people):
                    return
                person = self.people[self.next]
                self.next += 1
            self._register(person, rng)
            time.sleep(rng.uniform(0, 2 * self.pace))

    def _register(self, person: Person, rng: random.Random) -> None:
        told = Told(person, rng.choice(self.events))
        key = str(uuid.uuid4())
        answer = self._until_settled(
            told, rng, "POST", f"/events/{told.event}/registrations", {"Idempotency-Key": key})
        if answer is None:
            self.unsettled.append(told)
            return
        if answer.status_code == 201:
            told.registration, told.status = answer.json()["id"], answer.json()["status"]
            if rng.random() < self.cancelling:
                answer = self._until_settled(told, rng, "DELETE", f"/registrations/{told.registration}", {})
                told.cancelled = answer is not None and answer.status_code in (200, 409)
                if answer is None:
                    self.unsettled.append(told)
                    return
        self.told.append(told)

    def _until_settled(self, told: Told, rng: random.Random, method: str, path: str, headers: dict) -> requests.Response | None:
        headers = {**headers, "Authorization": f"Bearer {told.person.token}"}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            urls = self.urls()
            try:
                answer = requests.request(method, rng.choice(urls) + "/api/v1" + path, headers=headers, timeout=8)
                told.answers.append(str(answer.status_code))
                if answer.status_code < 500:
                    return answer
            except (requests.RequestException, IndexError) as error:
                told.answers.append(type(error).__name__)
            time.sleep(rng.uniform(0.05, 0.4))
        return None
