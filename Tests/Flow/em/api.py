"""The HTTP surface as a client sees it."""

import requests

PREFIX = "/api/v1"


class Api:
    """One caller: anonymous, or somebody with an access token."""

    def __init__(self, url: str, token: str | None = None):
        self.url, self.token = url, token

    def send(self, method: str, path: str, **arguments) -> requests.Response:
        """Sends to /api/v1 + path, or to the path itself when it is one of the well-known ones."""
        headers = {name: value for name, value in arguments.pop("headers", {}).items() if value is not None}
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        known = path.startswith(("/.well-known/", "/openapi.yaml", "/asyncapi.yaml", "/api/"))
        address = self.url + (path if known else PREFIX + path)
        return requests.request(method, address, headers=headers, timeout=30, **arguments)

    def get(self, path: str, **arguments):
        return answer(self.send("GET", path, **arguments), 200)

    def post(self, path: str, body: object = None, status: int = 200, **arguments):
        return answer(self.send("POST", path, json=body, **arguments), status)

    def patch(self, path: str, body: object, **arguments):
        return answer(self.send("PATCH", path, json=body, **arguments), 200)

    def delete(self, path: str, **arguments):
        return answer(self.send("DELETE", path, **arguments), 200)


def answer(response: requests.Response, status: int):
    """The JSON of an answer that has the expected status."""
    assert response.status_code == status, f"{described(response)}, expected {status}"
    return response.json()


def described(response: requests.Response) -> str:
    request = response.request
    return f"{request.method} {request.path_url} → {response.status_code} {response.text[:500]}"


def problem(response: requests.Response, status: int, *types: str) -> dict:
    """Checks that an answer is a proper problem document (RFC 9457) and returns it."""
    assert response.status_code == status, f"{described(response)}, expected {status}"
    kind = response.headers.get("Content-Type", "").split(";")[0]
    assert kind == "application/problem+json", f"{described(response)} came as {kind!r}"
    document = response.json()
    assert document["type"] in types or not types, f"{described(response)}, expected {' or '.join(types)}"
    assert document["status"] == status and document["title"], described(response)
    trace = document.get("traceId", "")
    assert len(trace) == 32 and set(trace) <= set("0123456789abcdef"), f"no trace: {described(response)}"
    assert not [word for word in SPILLED if word in response.text], f"it tells of its inside: {described(response)}"
    return document


# What no answer may show: stack traces, file names of the source, the database's own words.
SPILLED = ("Fatal error", ".swift", "Stack dump", "SELECT ", "INSERT ", "syntax error", "violates", "libpq", "Optional(")
