"""Public addresses that are no plain names: they work, or are refused with a sentence before anything starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from deployment.code import ROOT

sys.path.insert(0, str(ROOT / "infra/local"))
from em_stack import layout, web  # noqa: E402
from em_stack.layout import Layout, Settings, StackError  # noqa: E402


def settled(monkeypatch: pytest.MonkeyPatch, place: Path, **environment: str) -> Layout:
    for name in [name for name in os.environ if name.startswith("EM_")]:
        monkeypatch.delenv(name)
    for name, value in {"EM_STATE_DIR": str(place), **environment}.items():
        monkeypatch.setenv(name, value)
    return Layout(Settings.from_environment(fast=True))


@pytest.mark.parametrize(("host", "url"), [
    ("", "http://localhost:8080"), ("Events.Example.com", "http://events.example.com:8080"), ("192.0.2.1", "http://192.0.2.1:8080"),
    ("::1", "http://[::1]:8080"), ("[::1]", "http://[::1]:8080"), ("2001:DB8:0:0::7", "http://[2001:db8::7]:8080"),
    ("xn--bcher-kva.example", "http://xn--bcher-kva.example:8080"), ("my_host", "http://my_host:8080"), ("1server", "http://1server:8080")])
def test_a_host_becomes_what_browsers_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, url: str) -> None:
    assert settled(monkeypatch, tmp_path, EM_HOST=host).public_url == url


@pytest.mark.parametrize("host", [
    "bücher.example", "例え.jp", "https://events.example.com", "events.example.com:8080", "[::1]:8080", "a b", "a..b", "-a", "a.", "127.1", "0x7f.1",
    "192.0.2.01", "256.1.1.1", "fe80::1%eth0", "::ffff:192.0.2.1", "[a]", "user@host", "a/b", "a;b", "$a"])
def test_what_no_browser_writes_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str) -> None:
    with pytest.raises(StackError, match="EM_HOST must be"):
        settled(monkeypatch, tmp_path, EM_HOST=host)


@pytest.mark.parametrize(("bind", "listens"), [
    ("::1", ["127.0.0.1:8080", "[::1]:8080"]), ("[::1]", ["127.0.0.1:8080", "[::1]:8080"]), ("::", ["0.0.0.0:8080", "[::]:8080"]),
    ("2001:db8::7", ["127.0.0.1:8080", "[::1]:8080", "[2001:db8::7]:8080"]), ("192.0.2.7", ["127.0.0.1:8080", "[::1]:8080", "192.0.2.7:8080"])])
def test_nginx_listens_where_it_is_asked_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bind: str, listens: list[str]) -> None:
    monkeypatch.setattr(web, "has_ipv6_loopback", lambda: True)
    told = web.listen_directives(settled(monkeypatch, tmp_path, EM_BIND=bind))
    assert [line.strip() for line in told.split("\n")] == [f"listen {address};" for address in listens]


@pytest.mark.parametrize("bind", ["localhost", "fe80::1%lo", "::1;", "1.2.3", "[::1]:80"])
def test_what_is_no_address_to_listen_at_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bind: str) -> None:
    with pytest.raises(StackError, match="EM_BIND must be"):
        settled(monkeypatch, tmp_path, EM_BIND=bind)


def test_the_stack_says_so_and_starts_nothing(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "EM_STATE_DIR": str(tmp_path), "EM_HOST": "bücher.example", "LANG": "C.UTF-8"}
    ran = subprocess.run([ROOT / "infra/local/stack", "up"], env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1 and "EM_HOST must be written in ASCII" in ran.stderr and "Traceback" not in ran.stderr
    assert not list(tmp_path.glob("run/*"))


@pytest.mark.parametrize(("origins", "lines"), [
    ("", ""), ("https://Partner.example/", '"https://partner.example" https://partner.example;'),
    ("https://a.example:443, http://[::1]:81", '"https://a.example" https://a.example; "http://[::1]:81" http://[::1]:81;')])
def test_nginx_is_told_origins_as_browsers_write_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, origins: str, lines: str) -> None:
    assert web.cors_origins(settled(monkeypatch, tmp_path, EM_CORS_ORIGINS=origins)) == lines


@pytest.mark.parametrize("origins", ["*", "partner.example", 'https://a"; evil', "https://a.example/path", "https://bücher.example"])
def test_what_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, origins: str) -> None:
    with pytest.raises(StackError, match="EM_CORS_ORIGINS must list"):
        web.cors_origins(settled(monkeypatch, tmp_path, EM_CORS_ORIGINS=origins))


def started(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess:
    """infra/nginx/start, with programs of the test's in the place of those that it ends with."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    for name, does in {"envsubst": 'printf "%s\\n" "$EM_CORS" "$EM_REAL_IP" >&2', "nginx": "exit 0", "keep-logs": "exit 0"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    text = (ROOT / "infra/nginx/start").read_text().replace("</etc/nginx/em.conf.template >/run/em.conf", "")
    told = {"PATH": f"{programs}:{os.environ['PATH']}", "EM_CACHE": str(tmp_path / "cache"), "EM_ACCESS_LOG": "/dev/null", **environment}
    return subprocess.run(["bash", "-c", text], env=told, capture_output=True, text=True, timeout=20)


def test_the_image_tells_nginx_the_same(tmp_path: Path) -> None:
    good = started(tmp_path, EM_CORS_ORIGINS="https://Partner.example/, https://a.example:443 http://[::1]:81", EM_TRUSTED_PROXIES="10.0.0.0/8,fd00::/8")
    assert good.returncode == 0
    assert good.stderr.split("\n")[0].split() == [
        '"https://partner.example"', "https://partner.example;", '"https://a.example"', "https://a.example;", '"http://[::1]:81"', "http://[::1]:81;"]
    assert "set_real_ip_from fd00::/8;" in good.stderr
    for origins in ("*", "partner.example", 'https://a"; evil', "https://a.example/path", "https://bücher.example"):
        ran = started(tmp_path, EM_CORS_ORIGINS=origins)
        assert ran.returncode == 1 and "EM_CORS_ORIGINS must list origins" in ran.stderr, origins


def test_layouts_rules_are_those_of_the_services() -> None:
    """Both have been written down; the lists of examples are the same kinds. Of the services: SettingsReaderTests."""
    swift = (ROOT / "Tests/Unit/Bootstrap/SettingsReaderTests.swift").read_text()
    for kind in ("bücher.example", "127.1", "fe80::1%25eth0", "::ffff:192.0.2.1", "2001:DB8:0:0"):
        assert kind in swift, kind
    assert layout.public_host("[2001:DB8:0:0:1:0:0:1]") == "[2001:db8::1:0:0:1]"
