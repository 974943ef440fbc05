"""Certificates that no client would take are told before anything is served; only good ones take a good one's place."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest

from certificates import Authority
from eventually import eventually
from heterosched.errors import InvalidInput
from heterosched.settings import load
from heterosched_extender import tls as tls_module
from heterosched_extender.settings import Settings
from heterosched_extender.tls import Tls


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls")).create()


def serial(context: ssl.SSLContext, authority: Authority, client: tuple[Path, Path] | None = None) -> str:
    """What a client that trusts the authority is shown; raises ssl.SSLError where either refuses the other."""
    asking = ssl.create_default_context(cafile=str(authority.certificate))
    if client is not None:
        asking.load_cert_chain(*client)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = asking.wrap_bio(back, there, server_hostname="127.0.0.1")
    far = context.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (near, far):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = near.getpeercert()
    assert shown
    return str(shown["serialNumber"])


def test_a_good_certificate_serves_those_who_show_one_and_nobody_else(authority: Authority) -> None:
    server, client = authority.sign("server"), authority.sign("client")
    tls = Tls(*server, authority.certificate)
    assert serial(tls.context, authority, client)
    assert time.time() < tls.not_after < time.time() + 3 * 86400
    with pytest.raises(ssl.SSLError, match=r"(?i)peer did not return a certificate"):
        serial(tls.context, authority)


def test_a_certificate_that_signs_itself_is_its_own_authority(tmp_path: Path) -> None:
    own = Authority(tmp_path, "self").create()
    pair = own.certificate, tmp_path / "self.key"
    tls = Tls(*pair, own.certificate)
    assert tls.context.verify_mode is ssl.CERT_REQUIRED


def test_what_cannot_be_used_is_named_with_its_file(authority: Authority, tmp_path: Path) -> None:
    (certificate, key), (_, other_key) = authority.sign("one"), authority.sign("other")
    expired = authority.sign("old", expired=True)
    text = tmp_path / "text"
    text.write_text("no certificate at all")
    for files, words in (
        ((tmp_path / "none", key), "TLS file .*/none: No such file"),
        ((text, key), "TLS file .*/text: it holds no certificate"),
        ((certificate, text), "TLS file .*/text: it is not the key of .*/one.crt"),
        ((certificate, other_key), "TLS file .*/other.key: it is not the key of .*/one.crt"),
        ((certificate, key, text), "TLS file .*/text: it holds no certificate"),
        (expired, "TLS file .*/old.crt: no client will take it: certificate has expired; renew it"),
    ):
        with pytest.raises(InvalidInput, match=words):
            Tls(*files)


def test_renewed_files_are_for_connections_from_then_on_and_bad_ones_change_nothing(authority: Authority) -> None:
    certificate, key = authority.sign("server")
    tls = Tls(certificate, key)
    first = serial(tls.context, authority)
    assert not tls.renew()
    authority.sign("server")
    assert tls.renew()
    second = serial(tls.context, authority)
    assert second != first
    authority.sign("server", expired=True)
    with pytest.raises(InvalidInput, match="has expired"):
        tls.renew()
    assert serial(tls.context, authority) == second


async def test_the_files_are_watched_and_trouble_is_told_once(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tls_module, "LOOK_SECONDS", 0.01)
    certificate, key = authority.sign("watched")
    tls = Tls(certificate, key)
    before = serial(tls.context, authority)
    watching = asyncio.create_task(tls.watch())
    key.write_text("spoilt")
    assert await eventually(lambda: "it is not the key of" in caplog.text)
    await asyncio.sleep(0.1)
    assert serial(tls.context, authority) == before
    assert caplog.text.count("it is not the key of") == 1
    authority.sign("watched")
    assert await eventually(lambda: serial(tls.context, authority) != before)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_files_that_change_while_they_are_read_are_read_again(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_module, "LOOK_SECONDS", 0.01)
    tls = Tls(*authority.sign("swapped"))
    before, load = serial(tls.context, authority), tls._load
    halves: list[Exception] = [ssl.SSLError("key values mismatch"), FileNotFoundError("gone")]

    def between() -> None:
        if halves:
            raise halves.pop()
        load()

    monkeypatch.setattr(tls, "_load", between)
    watching = asyncio.create_task(tls.watch())
    authority.sign("swapped")
    assert await eventually(lambda: watching.done() or serial(tls.context, authority) != before)
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert (halves, serial(tls.context, authority) != before) == ([], True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tls_cert_file": "a"}, "tls_cert_file: a certificate goes with its key; give both files"),
        ({"tls_client_ca_file": "a"}, "tls_client_ca_file: without TLS nobody shows one"),
    ],
)
def test_settings_that_only_go_together_are_asked_for_together(given: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        load(Settings, {}, None, given)
