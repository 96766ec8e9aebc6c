"""The mail catcher's inbox, read as a mail program would read it."""

import email
import email.policy
from email.message import EmailMessage

import requests

from em.waiting import eventually


class Mailbox:
    def __init__(self, url: str):
        self.url = url

    def listed(self, to: str) -> list[dict]:
        """Summaries of the mails whose recipient's address contains `to`, newest first."""
        query = {"query": f'to:"{to}"', "limit": "5000"}
        found = requests.get(f"{self.url}/api/v1/search", params=query, timeout=30).json()["messages"]
        return [mail for mail in found if any(to in recipient["Address"] for recipient in mail["To"])]

    def wait_for(self, to: str, subject: str, within: float = 20) -> EmailMessage:
        """The newest mail to this address with this in its subject, as Python's own parser reads its bytes."""
        def matching() -> list[dict]:
            return [mail for mail in self.listed(to) if subject in mail["Subject"]]

        newest = eventually(matching, f"a mail “{subject}” to {to}", within)[0]
        raw = requests.get(f"{self.url}/api/v1/message/{newest['ID']}/raw", timeout=30).content
        return email.message_from_bytes(raw, policy=email.policy.default)
