#!/usr/bin/python3
"""A mail server for development and tests: takes every mail and delivers none.

    mailcatcher.py --smtp 127.0.0.1:1025 --http 127.0.0.1:8025

SMTP over aiosmtpd; over HTTP an inbox to look at (/) and the routes of Mailpit that the tests use, so that the compose
file can use Mailpit itself: GET, DELETE /api/v1/messages · GET /api/v1/message/{ID}, …/raw, …/part/{N} · GET /readyz.
Keeps the newest 20,000 mails, and no more than 512 MiB of them, in memory.
"""

import argparse
import email
import email.policy
import email.utils
import html
import json
import re
import signal
import sys
import threading
from collections import OrderedDict
from datetime import datetime, timezone
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from aiosmtpd.controller import Controller

MAXIMUM_MAILS = 20_000
MAXIMUM_BYTES = 512 * 1024 * 1024
MAXIMUM_MAIL_BYTES = 16 * 1024 * 1024
LISTED_UNLESS_ASKED = 500


class Mail:
    """One received mail: the bytes as they came, parsed when somebody looks."""

    def __init__(self, number: int, sender: str, recipients: list[str], raw: bytes):
        self.id, self.sender, self.recipients, self.raw = str(number), sender, recipients, raw
        self.received = datetime.now(timezone.utc)
        self._summary: dict | None = None

    def parse(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def parts(self) -> list[EmailMessage]:
        """The leaves of the MIME tree; a part's place in this list is its PartID."""
        return [part for part in self.parse().walk() if not part.is_multipart()]

    def summary(self) -> dict:
        if self._summary is None:
            full = self.full()
            kept = ("ID", "MessageID", "From", "To", "Subject", "Created", "Size")
            self._summary = {name: full[name] for name in kept}
            self._summary["Attachments"] = len(full["Attachments"])
            self._summary["Snippet"] = " ".join(full["Text"].split())[:250]
        return self._summary

    def full(self) -> dict:
        message = self.parse()
        text, page, attachments, inline = "", "", [], []
        for number, part in enumerate(self.parts()):
            kind, disposition = part.get_content_type(), part.get_content_disposition()
            if kind == "text/plain" and disposition != "attachment" and not text:
                text = str(part.get_content())
            elif kind == "text/html" and disposition != "attachment" and not page:
                page = str(part.get_content())
            else:
                content_id = str(part.get("Content-ID", "")).strip("<> ")
                shown = content_id and (disposition != "attachment" or f"cid:{content_id}" in page)
                (inline if shown else attachments).append(
                    {
                        "PartID": str(number),
                        "FileName": part.get_filename() or "",
                        "ContentType": kind,
                        "ContentID": content_id,
                        "Size": len(part.get_payload(decode=True) or b""),
                    }
                )
        names = {address.lower(): name for name, address in email.utils.getaddresses(
            [str(value) for field in ("From", "To", "Cc") for value in message.get_all(field, [])])}
        return {
            "ID": self.id,
            "MessageID": str(message.get("Message-ID", "")).strip("<> "),
            "From": {"Name": names.get(self.sender.lower(), ""), "Address": self.sender},
            "To": [{"Name": names.get(to.lower(), ""), "Address": to} for to in self.recipients],
            "Subject": str(message.get("Subject", "")),
            "Date": str(message.get("Date", "")),
            "Created": self.received.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "Size": len(self.raw),
            "Text": text,
            "HTML": page,
            "Attachments": attachments,
            "Inline": inline,
        }


class Mailbox:
    """All mails, newest last; the oldest make room. Shared by the SMTP thread and the HTTP threads under one lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.mails: OrderedDict[str, Mail] = OrderedDict()
        self.bytes = 0
        self.count = 0

    def add(self, sender: str, recipients: list[str], raw: bytes) -> None:
        with self.lock:
            self.count += 1
            mail = Mail(self.count, sender, recipients, raw)
            self.mails[mail.id] = mail
            self.bytes += len(raw)
            while len(self.mails) > MAXIMUM_MAILS or self.bytes > MAXIMUM_BYTES:
                self.bytes -= len(self.mails.popitem(last=False)[1].raw)

    def newest(self, matching: str = "") -> list[Mail]:
        with self.lock:
            mails = list(reversed(self.mails.values()))
        wanted = matching.removeprefix("to:").strip('"').lower()
        return [mail for mail in mails if wanted in " ".join(mail.recipients).lower()] if wanted else mails

    def get(self, identifier: str) -> Mail | None:
        with self.lock:
            return self.mails.get(identifier)

    def clear(self) -> None:
        with self.lock:
            self.mails.clear()
            self.bytes = 0


class Receiver:
    """aiosmtpd's handler: accepts everything."""

    def __init__(self, mailbox: Mailbox):
        self.mailbox = mailbox

    async def handle_DATA(self, server, session, envelope) -> str:
        self.mailbox.add(envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content)
        return "250 2.0.0 kept"


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
table{{width:100%;border-collapse:collapse}}td,th{{text-align:left;padding:.4rem;border-bottom:1px solid #ddd}}
iframe{{width:100%;height:40rem;border:1px solid #ccc}}pre{{white-space:pre-wrap;background:#f5f5f5;padding:1rem}}
</style><h1>{title}</h1>{body}</html>"""


def inbox_page(mails: list[Mail]) -> str:
    rows = "".join(
        f'<tr><td><a href="/view/{mail.id}">{html.escape(mail.summary()["Subject"] or "(no subject)")}</a></td>'
        f"<td>{html.escape(', '.join(mail.recipients))}</td><td>{mail.received:%H:%M:%S}</td></tr>"
        for mail in mails[:200]
    )
    table = f"<table><tr><th>Subject</th><th>To</th><th>UTC</th></tr>{rows}</table>"
    return PAGE.format(title="Caught mail", body=table if rows else "<p>Nothing has been sent yet.</p>")


def mail_page(mail: Mail) -> str:
    full = mail.full()
    parts = "".join(
        f'<li><a href="/api/v1/message/{mail.id}/part/{part["PartID"]}">'
        f'{html.escape(part["FileName"] or part["ContentID"] or "part " + part["PartID"])}</a> ({part["ContentType"]})</li>'
        for part in full["Attachments"] + full["Inline"]
    )
    frame = f'<iframe sandbox src="/view/{mail.id}.html" title="HTML part"></iframe>' if full["HTML"] else ""
    body = (
        f'<p><a href="/">All mail</a> · <a href="/api/v1/message/{mail.id}/raw">raw</a></p>'
        f"<p>From {html.escape(mail.sender)}<br>to {html.escape(', '.join(mail.recipients))}</p>"
        f"{frame}<h2>Text</h2><pre>{html.escape(full['Text'])}</pre><ul>{parts}</ul>"
    )
    return PAGE.format(title=html.escape(full["Subject"]), body=body)


def html_part(mail: Mail) -> str:
    """The HTML part, its inline images (cid:…) pointing at the parts of this mail."""
    full = mail.full()
    number = {part["ContentID"]: part["PartID"] for part in full["Inline"]}
    return re.sub(
        r"cid:([^\"'\s)>]+)",
        lambda match: f"/api/v1/message/{mail.id}/part/{number.get(unquote(match[1]), '')}",
        full["HTML"],
    )


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mailbox: Mailbox

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        path = url.path
        if path in ("/readyz", "/livez"):
            self.answer("text/plain", b"ok")
        elif path == "/":
            self.answer("text/html; charset=utf-8", inbox_page(self.mailbox.newest()).encode())
        elif path in ("/api/v1/messages", "/api/v1/search"):
            self.list_messages(query)
        elif match := re.fullmatch(r"/api/v1/message/([^/]+)(?:/(raw|part/(\d+)))?", path):
            self.one_message(match[1], match[2], match[3])
        elif match := re.fullmatch(r"/view/(\d+)(\.html)?", path):
            mail = self.mailbox.get(match[1])
            page = mail and (html_part(mail) if match[2] else mail_page(mail))
            self.answer("text/html; charset=utf-8", page.encode()) if page else self.not_found()
        else:
            self.not_found()

    def do_DELETE(self) -> None:
        if urlsplit(self.path).path != "/api/v1/messages":
            return self.not_found()
        self.mailbox.clear()
        self.answer("text/plain", b"ok")

    def list_messages(self, query: dict[str, list[str]]) -> None:
        def number(name: str, default: int) -> int:
            given = query.get(name, [""])[0]
            return int(given) if given.isdigit() else default

        mails = self.mailbox.newest(matching=query.get("query", [""])[0])
        start, limit = number("start", 0), number("limit", LISTED_UNLESS_ASKED)
        shown = [mail.summary() for mail in mails[start : start + limit]]
        answer = {"total": len(mails), "messages_count": len(mails), "start": start, "count": len(shown), "messages": shown}
        self.answer("application/json", json.dumps(answer).encode())

    def one_message(self, identifier: str, what: str | None, part_number: str | None) -> None:
        mail = self.mailbox.newest()[:1] if identifier == "latest" else [self.mailbox.get(identifier)]
        if not mail or mail[0] is None:
            return self.not_found()
        if what is None:
            return self.answer("application/json", json.dumps(mail[0].full()).encode())
        if what == "raw":
            return self.answer("text/plain; charset=utf-8", mail[0].raw)
        parts = mail[0].parts()
        if int(part_number or 0) >= len(parts):
            return self.not_found()
        part = parts[int(part_number or 0)]
        self.answer(part.get_content_type(), part.get_payload(decode=True) or b"")

    def not_found(self) -> None:
        self.answer("text/plain", b"not found\n", status=404)

    def answer(self, kind: str, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Silent: the log would hold addresses and fill up under load."""


class WebServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--smtp", type=address, default=("127.0.0.1", 1025), metavar="HOST:PORT")
    arguments.add_argument("--http", type=address, default=("127.0.0.1", 8025), metavar="HOST:PORT")
    given = arguments.parse_args()
    Web.mailbox = Mailbox()
    smtp = Controller(
        Receiver(Web.mailbox), hostname=given.smtp[0], port=given.smtp[1],
        server_kwargs={"data_size_limit": MAXIMUM_MAIL_BYTES, "enable_SMTPUTF8": True},
    )
    smtp.start()
    web = WebServer(given.http, Web)
    # `shutdown` waits for `serve_forever`, which runs in this very thread: leave by an exception instead.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        web.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        smtp.stop()


if __name__ == "__main__":
    main()
