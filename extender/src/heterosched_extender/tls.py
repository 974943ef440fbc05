"""TLS for the verbs: files that are looked through before anything is served, and taken up anew when they change.

A certificate is not only read but used: a handshake within this process, in which it is the only trusted one, fails as
the scheduler's would, be it expired or with another one's key.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from heterosched.errors import InvalidInput

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""Time between two looks at whether the files have changed; a Secret's volume follows within a minute or so."""


@dataclass
class Tls:
    """The files, and the context that all connections share. `client_ca`: clients must show a certificate of it.

    Raises InvalidInput for what cannot be used. `not_after`: epoch seconds until which the certificate is good.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None
    context: ssl.SSLContext = field(init=False)
    not_after: float = field(init=False)
    _loaded: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._loaded = self._content()
        self.not_after = checked(self.certificate, self.key, self.client_ca)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load()

    def renew(self) -> bool:
        """Take up files that have changed, for connections from now on; whether there were any. Raises InvalidInput,
        and goes on with what it has.
        """
        content = self._content()
        if content == self._loaded:
            return False
        self.not_after = checked(self.certificate, self.key, self.client_ca)
        self._load()
        self._loaded = content
        return True

    async def watch(self) -> None:
        """Renew whenever the files change; ends only by cancellation. What is wrong with them is logged once."""
        told = ""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if self.renew():
                    logger.info("%s: renewed; connections from now on use it", self.certificate)
                told = ""
            except (InvalidInput, OSError) as error:  # the latter where files change while they are being read
                if str(error) != told:
                    logger.error("%s; the certificate of before stays in use", error)
                told = str(error)

    def _load(self) -> None:
        self.context.load_cert_chain(self.certificate, self.key)
        if self.client_ca is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(self.client_ca)
            # A certificate that signs itself is its own authority, whatever it says of being one.
            self.context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    def _content(self) -> tuple[bytes, ...]:
        return tuple(_read(path) for path in (self.certificate, self.key, self.client_ca) if path is not None)


def checked(certificate: Path, key: Path, client_ca: Path | None) -> float:
    """Look through the files; until when the certificate is good, epoch seconds. Raises InvalidInput."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        client.load_verify_locations(certificate)
    except (ssl.SSLError, ValueError) as error:
        raise _wrong(certificate, f"it holds no certificate in PEM form ({_said(error)})") from error
    try:
        server.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        remedy = "give the key of that very certificate, in PEM form and without a password"
        raise _wrong(key, f"it is not the key of {certificate} ({_said(error)})", remedy) from error
    if client_ca is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(client_ca)
        except (ssl.SSLError, ValueError) as error:
            raise _wrong(client_ca, f"it holds no certificate in PEM form ({_said(error)})") from error
    try:
        shown = _shaken(server, client)
    except ssl.SSLCertVerificationError as error:
        raise _wrong(certificate, f"no client will take it: {error.verify_message}", "renew it") from error
    return float(ssl.cert_time_to_seconds(str(shown["notAfter"])))


def _shaken(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, object]:
    """What the client is shown in a handshake that never leaves this process. Raises SSLCertVerificationError."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there)
    answering = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (asking, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return dict(asking.getpeercert() or {})


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _wrong(path, error.strerror or str(error), "give a file that can be read") from error


def _wrong(path: Path, problem: str, remedy: str = "give a certificate in PEM form") -> InvalidInput:
    return InvalidInput(f"TLS file {path}", "", problem, remedy)


def _said(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error)
