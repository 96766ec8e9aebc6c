"""RFC 6455, case by case, against the hub."""

import json

import pytest

from em.autobahn import INVALID, NORMAL, Case, cases, close, fail_fast
from em.rawsocket import CLOSE, PING, PONG, TEXT, Frame, RawSocket

ALL = list(cases())


@pytest.fixture(scope="module")
def port(stack) -> int:
    return stack.port("ws-hub")


def test_the_matrix_is_whole():
    """247 cases in Autobahn's groups 1–7 and 10."""
    numbers = [case.number for case in ALL] + [number for number, _, _ in fail_fast()]
    assert len(numbers) == len(set(numbers)) == 247


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.number)
def test_case(port: int, case: Case):
    with RawSocket(port) as client:
        try:
            for frame in case.sends:
                client.send(frame)
        except ConnectionError:
            assert case.fails or case.closes is not None  # it was closed before all was said
        for opcode, expected in case.answers:
            received, payload = client.frame() or (None, b"")
            assert received == opcode
            assert expected == (told(payload) if opcode == TEXT else payload)
        if case.fails:
            finish(client, case.fails.to_bytes(2, "big"), exact=False)
        elif case.closes is not None:
            finish(client, case.closes)
        else:
            client.send(close(NORMAL))
            finish(client, b"\x03\xe8")


@pytest.mark.parametrize(("number", "parts", "are_frames"), fail_fast(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_text_that_cannot_become_utf8_fails_at_once(port: int, number: str, parts: list[bytes], are_frames: bool):
    with RawSocket(port) as client:
        if are_frames:
            client.send(Frame(TEXT, parts[0], fin=False))
            client.send(Frame(PING))
            assert client.frame() == (PONG, b"")  # the first part is accepted
            client.send(Frame(0, parts[1], fin=False))
        else:
            data = Frame(TEXT, b"".join(parts)).encoded()
            client.socket.sendall(data[: -len(parts[2])])
            # Strict would be to fail here; that a frame is looked at once it is whole, the suite lets pass.
            client.socket.sendall(data[-len(parts[2]) :])
        finish(client, INVALID.to_bytes(2, "big"), exact=False)


def told(payload: bytes) -> bytes | None:
    """The topic that the hub doesn't know; None when it saw no message at all."""
    error = json.loads(payload)
    assert (error["type"], error["code"]) == ("error", "unknown-topic" if "topic" in error else "malformed-message")
    return error["topic"].encode() if "topic" in error else None


def finish(client: RawSocket, payload: bytes, exact: bool = True) -> None:
    """The server's close frame, our answer, then the end of the connection."""
    opcode, received = client.frame() or (None, b"")
    assert opcode == CLOSE
    assert received == payload if exact else received[:2] == payload
    try:
        client.send(Frame(CLOSE, received[:2]))
    except ConnectionError:
        return
    while True:  # nothing but the end may follow
        if client.frame() is None:
            return
        raise AssertionError("a frame after the close frame")
