"""Certificates for tests, by the `openssl` program: an authority, and what it signs, good or long expired."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@dataclass(frozen=True)
class Authority:
    """A certificate authority in `folder`, under the name of `name`."""

    folder: Path
    name: str = "ca"

    @property
    def certificate(self) -> Path:
        """Its own certificate."""
        return self.folder / f"{self.name}.crt"

    def create(self) -> Authority:
        """Make key and certificate."""
        key, subject = str(self.folder / f"{self.name}.key"), f"/CN={self.name}"
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        _openssl("req", "-x509", "-key", key, "-subj", subject, "-days", "2", "-out", str(self.certificate))
        return self

    def sign(self, name: str, *, expired: bool = False) -> tuple[Path, Path]:
        """A certificate for 127.0.0.1, for servers and clients, and its key."""
        certificate, key, request = (self.folder / f"{name}.{end}" for end in ("crt", "key", "csr"))
        extensions = self.folder / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
        _openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}", "-out", str(request))
        signing = ["x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAcreateserial"]
        signing += ["-CAkey", str(self.folder / f"{self.name}.key"), "-extfile", str(extensions)]
        _openssl(*signing, "-days", "-1" if expired else "2", "-out", str(certificate))
        return certificate, key
