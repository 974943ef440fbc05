"""How to get at the API server, where that can be said in a few plain values: most kubeconfigs, and service accounts.

The `kubernetes` package knows every kind of credentials and takes 27 MB and a good part of a second to load. A process
that wants neither asks here first, and turns to the package for what is not plain: exec plug-ins, auth providers, a
proxy, passwords, several files in one, and whatever is wrong (the package's complaints are the better ones).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec
from msgspec import Struct

from heterosched.errors import InvalidInput

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its service account's token and the cluster's certificates."""


class Access(Struct, frozen=True):
    """Address and credentials. Certificates and key are PEM texts; `token_file` is to be read again as it rotates."""

    server: str
    authority: str = ""
    certificate: str = ""
    key: str = ""
    token: str = ""
    token_file: str = ""
    verify: bool = True
    server_name: str = ""


class _Cluster(Struct, rename="kebab", forbid_unknown_fields=True):
    server: str
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    disable_compression: bool = False
    extensions: Any = None


class _User(Struct, rename="kebab", forbid_unknown_fields=True):
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    extensions: Any = None


def kubeconfig_path(explicit: str | Path | None) -> str | None:
    """The file, or several as $KUBECONFIG joins them; None inside of a cluster. Raises InvalidInput: there is none."""
    given = str(explicit or "") or os.environ.get("KUBECONFIG", "")
    if given and not any(Path(path).expanduser().exists() for path in given.split(os.pathsep)):
        remedy = "give the kubeconfig by --kubeconfig or $KUBECONFIG"
        raise InvalidInput(given, "", "there is no such file", remedy)
    if given:
        return given
    default = Path("~/.kube/config").expanduser()
    return str(default) if default.exists() or "KUBERNETES_SERVICE_HOST" not in os.environ else None


def plain_access(kubeconfig: str | Path | None = None, context: str | None = None) -> Access | None:
    """Read what `Kube.connect` would; None where only the `kubernetes` package can tell, or something is wrong."""
    import yaml

    try:
        path = kubeconfig_path(kubeconfig)
        if path is not None and os.pathsep in path:
            return None
        found = _of_account(os.environ) if path is None else _of_file(Path(path).expanduser(), context)
        return None if found is None or _by_proxy(found.server) else found
    except (InvalidInput, OSError, ValueError, KeyError, TypeError, yaml.YAMLError, msgspec.ValidationError):
        return None


def _by_proxy(server: str) -> bool:
    """Whether the environment sends us through a proxy; raises ValueError for what is no address."""
    split = urlsplit(server)
    if split.scheme not in ("http", "https") or not split.hostname or split.username is not None:
        raise ValueError(server)
    return split.scheme in getproxies() and not proxy_bypass(split.hostname)


def _of_account(environment: Mapping[str, str]) -> Access | None:
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
    token, authority = ACCOUNT / "token", (ACCOUNT / "ca.crt").read_text()
    if not host or not port or not authority or not token.read_text():
        return None
    return Access(
        f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}", authority, token_file=str(token)
    )


def _of_file(path: Path, context: str | None) -> Access | None:
    import yaml

    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    chosen = _named(found["contexts"], context or found["current-context"], "context")
    cluster = msgspec.convert(_named(found["clusters"], chosen["cluster"], "cluster"), _Cluster)
    user = msgspec.convert(_named(found["users"], chosen["user"], "user"), _User) if chosen.get("user") else _User()
    folder, server = path.parent, cluster.server.rstrip("/")
    plain = Access(
        server=server,
        token=user.token,
        token_file=str(folder / user.token_file) if user.token_file and not user.token else "",
        verify=not cluster.insecure_skip_tls_verify,
        server_name=cluster.tls_server_name,
    )
    if server.startswith("http://"):
        return plain
    return msgspec.structs.replace(
        plain,
        authority=_text(folder, cluster.certificate_authority, cluster.certificate_authority_data),
        certificate=_text(folder, user.client_certificate, user.client_certificate_data),
        key=_text(folder, user.client_key, user.client_key_data),
    )


def _named(entries: Iterable[Mapping[str, Any]], name: str, kind: str) -> dict[str, Any]:
    """The one entry of this name; ValueError where there is none, or more than one."""
    [found] = [entry[kind] for entry in entries if entry["name"] == name]
    return dict(found or {})


def _text(folder: Path, file: str, data: str) -> str:
    """What stands in the kubeconfig itself goes before what it points to."""
    if data:
        return base64.b64decode(data, validate=True).decode()
    return (folder / file).read_text() if file else ""
