"""The conformance cases for a WebSocket server, under the numbers that the Autobahn test suite gave them (groups 1–7 and
10; the suite itself needs Python 2). Group 9 is about speed, 12 and 13 about compression, which the hub declines.

Autobahn's server sends back what it gets. The hub says what it didn't know: a text of the suite's is the topic of a
subscription here, and the answer names that topic. Where the suite's text can't be in one (it is empty, or a control
character), it goes as it is, and the hub closes the socket since that is no message. What is binary, or longer than the
hub takes, has to be refused.

https://github.com/crossbario/autobahn-testsuite documents every case.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from em.rawsocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame

NORMAL, PROTOCOL_ERROR, NO_TEXT, INVALID, NO_MESSAGE, TOO_BIG = 1000, 1002, 1003, 1007, 1008, 4413
OCTETS = 1
SHOWN = 64  # characters of an unknown topic that the hub names
BEFORE, BEHIND = b'{"type":"subscribe","topic":"', b'"}'


@dataclass
class Case:
    number: str
    sends: list[Frame]
    answers: list[tuple[int, bytes | None]] = field(default_factory=list)
    """What must come back, in order, before the connection is closed: a pong's payload, or the topic that the hub doesn't
    know, or None when it didn't even understand."""
    fails: int | None = None
    """The code with which the server must end it; without one we close, with 1000."""
    closes: bytes | None = None
    """Of a case in which we close by one of the frames: the payload of the server's answer."""


def raw(payload: bytes, **options) -> Frame:
    return Frame(TEXT, payload, **options)


def text(payload: bytes | str, fin: bool = True, **options) -> Frame:
    """A text, or its first fragment."""
    payload = payload.encode() if isinstance(payload, str) else payload
    return Frame(TEXT, BEFORE + payload + (BEHIND if fin else b""), fin=fin, **options)


def more(payload: bytes | str, fin: bool = True, **options) -> Frame:
    """Another fragment, or the last."""
    payload = payload.encode() if isinstance(payload, str) else payload
    return Frame(CONTINUATION, payload + (BEHIND if fin else b""), fin=fin, **options)


def close(code: int | None, reason: bytes = b"") -> Frame:
    return Frame(CLOSE, code.to_bytes(2, "big") + reason if code is not None else b"")


def pieces(payload: bytes, size: int) -> list[Frame]:
    """One text message in fragments."""
    payload = BEFORE + payload + BEHIND
    parts = [payload[start : start + size] for start in range(0, len(payload), size)]
    last = len(parts) - 1
    return [Frame(CONTINUATION if number else TEXT, part, fin=number == last) for number, part in enumerate(parts)]


def cases() -> Iterator[Case]:
    for group in (framing, pings, reserved_bits, opcodes, fragments, utf8_messages, utf8_sequences, closing,
                  close_payloads):
        yield from group()
    yield Case("10.1.1", pieces(b"*" * 65536, 1300), fails=TOO_BIG)


def framing() -> Iterator[Case]:
    for number, size in enumerate((0, 125, 126, 127, 128, 65535, 65536, 65536), start=1):
        is_too_big, chop = size > 8192, 997 if number == 8 else None
        topic = b"*" * (size - len(BEFORE + BEHIND))
        if size:
            yield Case(f"1.1.{number}", [text(topic, chop=chop)], [] if is_too_big else [(TEXT, topic[:SHOWN])],
                       TOO_BIG if is_too_big else None)
        else:
            yield Case(f"1.1.{number}", [raw(b"")], [(TEXT, None)], NO_MESSAGE)
        yield Case(f"1.2.{number}", [Frame(BINARY, b"\xfe" * size, chop=chop)], fails=TOO_BIG if is_too_big else NO_TEXT)


def pings() -> Iterator[Case]:
    binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    long = b"\xfe" * 125
    yield Case("2.1", [Frame(PING)], [(PONG, b"")])
    yield Case("2.2", [Frame(PING, b"Hello, world!")], [(PONG, b"Hello, world!")])
    yield Case("2.3", [Frame(PING, binary)], [(PONG, binary)])
    yield Case("2.4", [Frame(PING, long)], [(PONG, long)])
    yield Case("2.5", [Frame(PING, b"\xfe" * 126)], fails=PROTOCOL_ERROR)
    yield Case("2.6", [Frame(PING, long, chop=OCTETS)], [(PONG, long)])
    yield Case("2.7", [Frame(PONG)])
    yield Case("2.8", [Frame(PONG, b"unsolicited pong payload")])
    yield Case("2.9", [Frame(PONG, b"unsolicited pong payload"), Frame(PING, b"ping payload")],
               [(PONG, b"ping payload")])
    for number, chop in ((10, None), (11, OCTETS)):
        payloads = [b"payload-%d" % index for index in range(10)]
        yield Case(f"2.{number}", [Frame(PING, payload, chop=chop) for payload in payloads],
                   [(PONG, payload) for payload in payloads])


def reserved_bits() -> Iterator[Case]:
    hello = (TEXT, b"Hello, world!")
    yield Case("3.1", [text("Hello, world!", rsv=1)], fails=PROTOCOL_ERROR)
    for number, chop in ((2, None), (3, 8), (4, OCTETS)):
        yield Case(f"3.{number}", [text("Hello, world!", chop=chop), text("Hello, world!", rsv=2, chop=chop),
                                   Frame(PING, chop=chop)], [hello], PROTOCOL_ERROR)
    yield Case("3.5", [Frame(BINARY, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", rsv=5)], fails=PROTOCOL_ERROR)
    yield Case("3.6", [Frame(PING, b"Hello, world!", rsv=6)], fails=PROTOCOL_ERROR)
    yield Case("3.7", [Frame(CLOSE, b"\x03\xe8", rsv=7)], fails=PROTOCOL_ERROR)


def opcodes() -> Iterator[Case]:
    for group, first in ((1, 3), (2, 11)):
        for number in range(1, 6):
            opcode = first + number - 1
            payload = b"reserved opcode payload" if number in (2, 4, 5) else b""
            if number < 3:
                yield Case(f"4.{group}.{number}", [Frame(opcode, payload)], fails=PROTOCOL_ERROR)
                continue
            chop = OCTETS if number == 5 else None
            yield Case(f"4.{group}.{number}", [text("Hello, world!", chop=chop), Frame(opcode, payload, chop=chop),
                                               Frame(PING, chop=chop)], [(TEXT, b"Hello, world!")], PROTOCOL_ERROR)


def fragments() -> Iterator[Case]:
    yield Case("5.1", [Frame(PING, b"fragment1", fin=False), more("fragment2")], fails=PROTOCOL_ERROR)
    yield Case("5.2", [Frame(PONG, b"fragment1", fin=False), more("fragment2")], fails=PROTOCOL_ERROR)
    whole = (TEXT, b"fragment1fragment2")
    for number, chop in ((3, None), (4, 8), (5, OCTETS)):
        yield Case(f"5.{number}", [text("fragment1", fin=False, chop=chop), more("fragment2", chop=chop)], [whole])
    for number, chop in ((6, None), (7, 8), (8, OCTETS)):
        yield Case(f"5.{number}", [text("fragment1", fin=False, chop=chop), Frame(PING, b"ping payload", chop=chop),
                                   more("fragment2", chop=chop)], [(PONG, b"ping payload"), whole])
    for number, fin, chop in ((9, True, None), (10, True, 8), (11, True, OCTETS), (12, False, None), (13, False, 8),
                              (14, False, OCTETS)):
        yield Case(f"5.{number}", [more("non-continuation payload", fin=fin, chop=chop),
                                   text("Hello, world!", chop=chop)], fails=PROTOCOL_ERROR)
    yield Case("5.15", [text("fragment1", fin=False), more("fragment2"), more("fragment3", fin=False),
                        text("fragment4")], [whole], PROTOCOL_ERROR)
    for number, fin in ((16, False), (17, True)):
        yield Case(f"5.{number}", [more("fragment1", fin=fin), text("fragment2", fin=False), more("fragment3")] * 2,
                   fails=PROTOCOL_ERROR)
    yield Case("5.18", [text("fragment1", fin=False), text("fragment2")], fails=PROTOCOL_ERROR)
    for number, chop in ((19, None), (20, OCTETS)):
        sends = [text("fragment1", fin=False, chop=chop), more("fragment2", fin=False, chop=chop),
                 Frame(PING, b"pongme 1!", chop=chop), more("fragment3", fin=False, chop=chop),
                 more("fragment4", fin=False, chop=chop), Frame(PING, b"pongme 2!", chop=chop),
                 more("fragment5", chop=chop)]
        yield Case(f"5.{number}", sends, [(PONG, b"pongme 1!"), (PONG, b"pongme 2!"),
                                          (TEXT, b"fragment1fragment2fragment3fragment4fragment5")])


def utf8_messages() -> Iterator[Case]:
    nothing, last = raw(b"", fin=False), Frame(CONTINUATION)
    yield Case("6.1.1", [raw(b"")], [(TEXT, None)], NO_MESSAGE)
    yield Case("6.1.2", [nothing, more("", fin=False), last], [(TEXT, None)], NO_MESSAGE)
    yield Case("6.1.3", [nothing, more(BEFORE + b"middle frame payload" + BEHIND, fin=False), last],
               [(TEXT, b"middle frame payload")])
    hello, greek = "Hello-µ@ßöäüàá-UTF-8!!".encode(), GREEK
    yield Case("6.2.1", [text(hello)], [(TEXT, hello)])
    yield Case("6.2.2", [text(hello[:12], fin=False), more(hello[12:])], [(TEXT, hello)])
    yield Case("6.2.3", pieces(hello, 1), [(TEXT, hello)])
    yield Case("6.2.4", pieces(greek, 1), [(TEXT, greek)])
    invalid = greek + b"\xed\xa0\x80edited"
    yield Case("6.3.1", [text(invalid)], fails=INVALID)
    yield Case("6.3.2", pieces(invalid, 1), fails=INVALID)


def fail_fast() -> Iterator[tuple[str, list[bytes], bool]]:
    """Cases 6.4.1–4: number, parts, and whether they are frames, or else pieces of one frame. The second part makes the
    message invalid, whatever the third brings."""
    greek = GREEK
    by_character = [greek, b"\xf4\x90\x80\x80", b"edited"]
    by_octet = [greek + b"\xf4", b"\x90", b"\x80\x80edited"]
    yield "6.4.1", by_character, True
    yield "6.4.2", by_octet, True
    yield "6.4.3", by_character, False
    yield "6.4.4", by_octet, False


def utf8_sequences() -> Iterator[Case]:
    for group, sequences in enumerate(SEQUENCES, start=5):
        for number, payload in enumerate(sequences, start=1):
            try:
                payload.decode()  # Python's decoder is the judge of what is UTF-8
                if payload < b" ":
                    yield Case(f"6.{group}.{number}", [raw(payload)], [(TEXT, None)], NO_MESSAGE)
                else:
                    yield Case(f"6.{group}.{number}", [text(payload)], [(TEXT, payload)])
            except UnicodeDecodeError:
                yield Case(f"6.{group}.{number}", [raw(payload)], fails=INVALID)


GREEK = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"  # κόσμε with a letter of three bytes
INCOMPLETE = [b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80",
              b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf"]
HIGH, LOW = [b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf"], [b"\xed\xb0\x80", b"\xed\xbf\xbf"]
NO_CHARACTERS = [f"{chr(plane << 16 | 0xFFFE + last)}".encode() for plane in range(17) for last in (0, 1)]
# 6.5–6.23, after Markus Kuhn's UTF-8 decoder test.
SEQUENCES = [
    [b"hello\x24world", b"hello\xc2\xa2world", b"hello\xe2\x82\xacworld", b"hello\xf0\xa4\xad\xa2world", GREEK],
    [GREEK[:size] for size in range(1, len(GREEK) + 1)],
    [b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"],
    [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"],
    [b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"],
    [b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"],
    [b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80"],
    [b"\x80", b"\xbf", *((b"\x80\xbf" * 3)[:size] for size in range(2, 7)), bytes(range(0x80, 0xBF))],
    [b"".join(bytes([byte, 0x20]) for byte in range(*limits))
     for limits in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))],
    INCOMPLETE,
    [b"".join(INCOMPLETE)],
    [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"],
    [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"],
    [b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"],
    [b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf8\x80\x80\x80\x80", b"\xfc\x80\x80\x80\x80\x80"],
    [*HIGH, LOW[0], b"\xed\xbe\x80", LOW[1]],
    [high + low for high in HIGH for low in LOW],
    NO_CHARACTERS,
    [chr(code).encode() for code in range(0xFFF9, 0x10000)],
]


def closing() -> Iterator[Case]:
    done = b"\x03\xe8"
    yield Case("7.1.1", [text("Hello World!"), close(NORMAL)], [(TEXT, b"Hello World!")], closes=done)
    yield Case("7.1.2", [close(NORMAL), close(NORMAL)], closes=done)
    yield Case("7.1.3", [close(NORMAL), Frame(PING)], closes=done)
    yield Case("7.1.4", [close(NORMAL), text("Hello World!")], closes=done)
    yield Case("7.1.5", [text("fragment1", fin=False), close(NORMAL), more("fragment2")], closes=done)
    long = b"BAsd7&jh23" * 26214
    yield Case("7.1.6", [text(long), text("Hello World!"), close(NORMAL), Frame(PING)], fails=TOO_BIG)


def close_payloads() -> Iterator[Case]:
    yield Case("7.3.1", [close(None)], closes=b"")
    yield Case("7.3.2", [Frame(CLOSE, b"a")], fails=PROTOCOL_ERROR)
    yield Case("7.3.3", [close(NORMAL)], closes=b"\x03\xe8")
    yield Case("7.3.4", [close(NORMAL, b"Hello World!")], closes=b"\x03\xe8")
    yield Case("7.3.5", [close(NORMAL, b"*" * 123)], closes=b"\x03\xe8")
    yield Case("7.3.6", [close(NORMAL, b"*" * 124)], fails=PROTOCOL_ERROR)
    yield Case("7.5.1", [close(NORMAL, GREEK + b"\xed\xa0\x80edited")], fails=INVALID)
    valid = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    for number, code in enumerate(valid, start=1):
        yield Case(f"7.7.{number}", [close(code)], closes=code.to_bytes(2, "big"))
    for number, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999), start=1):
        yield Case(f"7.9.{number}", [close(code)], fails=PROTOCOL_ERROR)
    for number, code in enumerate((5000, 65535), start=1):
        yield Case(f"7.13.{number}", [close(code)], fails=PROTOCOL_ERROR)
