"""Many people who register for one event at the same moment."""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable

import aiohttp

from em.people import Person

# Answers after which nobody knows whether the place was taken; the client then asks again with the same key.
AMBIGUOUS = (502, 503, 504)


# Sockets at a time: more would be refused by the kernel's queue for new connections (net.core.somaxconn, 4096).
SOCKETS = 2000


class Flood:
    """`answers` counts what each person was told in the end: a status, with the registration's or the problem's type."""

    def __init__(self, urls: list[str], event: str, people: list[Person], patience: float):
        """Each try goes to one of the addresses, by chance. Without patience (seconds) whatever answers first stands;
        with it, clients ask again, with the same Idempotency-Key, until they know."""
        self.paths = [f"{url}/api/v1/events/{event}/registrations" for url in urls]
        self.people, self.patience = people, patience
        self.answers: Counter[str] = Counter()
        self.registrations: list[dict] = []
        self.repeated = 0
        self.seconds = 0.0

    def run(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> Counter[str]:
        asyncio.run(self._run(meanwhile))
        return self.answers

    async def _run(self, meanwhile: Callable[[], Awaitable[None]] | None) -> None:
        connector = aiohttp.TCPConnector(limit=SOCKETS, force_close=True)
        timeout = aiohttp.ClientTimeout(total=max(60, self.patience))
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            began = time.monotonic()
            jobs = [self._register(session, person) for person in self.people]
            await asyncio.gather(*jobs, *([meanwhile()] if meanwhile else []))
            self.seconds = time.monotonic() - began

    async def _register(self, session: aiohttp.ClientSession, person: Person) -> None:
        headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": str(uuid.uuid4())}
        deadline = time.monotonic() + self.patience
        while True:
            answer, settled = await self._ask(session, headers)
            if settled or time.monotonic() > deadline:
                break
            self.repeated += 1
            await asyncio.sleep(0.2)
        self.answers[answer] += 1

    async def _ask(self, session: aiohttp.ClientSession, headers: dict[str, str]) -> tuple[str, bool]:
        try:
            async with session.post(random.choice(self.paths), headers=headers) as response:
                body = await response.json(content_type=None)
                if response.status == 201:
                    self.registrations.append(body)
                    return f"201 {body['status']}", True
                ambiguous = response.status in AMBIGUOUS or body.get("type") == "request-in-flight"
                return f"{response.status} {body.get('type')}", not ambiguous
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return type(error).__name__, False
