"""The mail catcher's inbox, read as a mail program would read it."""

import email
import email.policy
import re
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

    def wait_for(self, to: str, subject: str, within: float = 60) -> EmailMessage:
        """The newest mail to this address with this in its subject, as Python's own parser reads its bytes."""
        def matching() -> list[dict]:
            return [mail for mail in self.listed(to) if subject in mail["Subject"]]

        newest = eventually(matching, f"a mail “{subject}” to {to}", within)[0]
        raw = requests.get(f"{self.url}/api/v1/message/{newest['ID']}/raw", timeout=30).content
        return email.message_from_bytes(raw, policy=email.policy.default)

    def link_token(self, to: str, subject: str, page: str) -> str:
        """The token of the link to `page`, an address, in the newest such mail; it is the same in its text and its HTML."""
        mail = self.wait_for(to, subject)
        words = [mail.get_body((kind,)).get_content() for kind in ("plain", "html")]
        found = [set(re.findall(re.escape(page) + "#token=([A-Za-z0-9_-]{43})", word)) for word in words]
        assert found[0] == found[1] and len(found[0]) == 1, words[0]
        return found[0].pop()
