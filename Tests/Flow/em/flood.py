"""Many people who register for one event at the same moment."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable

import aiohttp

from em.people import Person

# Answers after which nobody knows whether the place was taken; the client then asks again with the same key.
AMBIGUOUS = (502, 503, 504)


class Flood:
    """`answers` counts what each person was told in the end: a status, with the problem's type."""

    def __init__(self, url: str, event: str, people: list[Person], patience: float):
        """Without patience (seconds) whatever answers first stands; with it, clients ask again until they know."""
        self.path = f"{url}/api/v1/events/{event}/registrations"
        self.people, self.patience = people, patience
        self.answers: Counter[str] = Counter()
        self.seconds = 0.0

    def run(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> Counter[str]:
        asyncio.run(self._run(meanwhile))
        return self.answers

    async def _run(self, meanwhile: Callable[[], Awaitable[None]] | None) -> None:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        timeout = aiohttp.ClientTimeout(total=max(60, self.patience))
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            began = time.monotonic()
            jobs = [self._register(session, person) for person in self.people]
            await asyncio.gather(*jobs, *([meanwhile()] if meanwhile else []))
            self.seconds = time.monotonic() - began

    async def _register(self, session: aiohttp.ClientSession, person: Person) -> None:
        headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": str(uuid.uuid4())}
        deadline = time.monotonic() + self.patience
        was_ambiguous = False
        while True:
            answer, settled = await self._ask(session, headers)
            if settled or time.monotonic() > deadline:
                break
            was_ambiguous = True
            await asyncio.sleep(0.2)
        if was_ambiguous and answer == "409 already-registered":
            answer = "201"  # the lost answer had been a yes
        self.answers[answer] += 1

    async def _ask(self, session: aiohttp.ClientSession, headers: dict[str, str]) -> tuple[str, bool]:
        try:
            async with session.post(self.path, headers=headers) as response:
                if response.status == 201:
                    return "201", True
                text = await response.json(content_type=None)
                return f"{response.status} {text.get('type')}", response.status not in AMBIGUOUS
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return type(error).__name__, False
