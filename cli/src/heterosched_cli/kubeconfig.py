"""The namespace that kubectl would use. Reads the kubeconfig alone, so that it costs no import of the client."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heterosched.errors import InvalidInput
from heterosched_cli.files import read_documents

DEFAULT = "default"


def namespace_of(explicit: str, kubeconfig: Path | None, context: str) -> str:
    """`--namespace`, else that of the context (in a pod: of its service account), else `default`.

    A kubeconfig that is not there has no say.
    """
    if explicit:
        return explicit
    files = [file for file in _files(kubeconfig) if file.exists()]
    if not files and not context and kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        return _account_namespace()
    contents = [document.content for file in files for document in read_documents(file)]
    name = context or next((str(c["current-context"]) for c in contents if c.get("current-context")), "")
    for content in contents:
        for entry in content.get("contexts") or ():
            if isinstance(entry, dict) and entry.get("name") == name:
                return _namespace(entry) or DEFAULT
    if context:
        check_present(kubeconfig)
        known = ", ".join(sorted(str(e.get("name")) for c in contents for e in c.get("contexts") or ())) or "none"
        raise InvalidInput("kubeconfig", "contexts", f"there is no context {context!r}", f"it has: {known}")
    return DEFAULT


def _account_namespace() -> str:
    from heterosched.kube.access import ACCOUNT

    try:
        return (ACCOUNT / "namespace").read_text(encoding="utf-8").strip() or DEFAULT
    except OSError:
        return DEFAULT


def contexts_of(kubeconfig: Path | None) -> list[str]:
    """Names of the contexts. Raises InvalidInput for a file that cannot be read."""
    contents = [document.content for file in _files(kubeconfig) if file.exists() for document in read_documents(file)]
    entries = (entry for content in contents for entry in content.get("contexts") or ())
    return [str(entry["name"]) for entry in entries if isinstance(entry, dict) and entry.get("name")]


def check_present(kubeconfig: Path | None) -> None:
    """Raises InvalidInput where there is neither a kubeconfig nor a pod's service account."""
    files = _files(kubeconfig)
    if "KUBERNETES_SERVICE_HOST" in os.environ and kubeconfig is None:
        return
    if not any(file.exists() for file in files):
        remedy = "give one with --kubeconfig or KUBECONFIG"
        raise InvalidInput("kubeconfig", "", f"there is no file {' or '.join(map(str, files))}", remedy)


def check_login(kubeconfig: Path | None, context: str) -> None:
    """Raises InvalidInput where the user of the context logs in by a program that is not there: the client's own word
    about it names no user, and it goes on without credentials.
    """
    contents = [document.content for file in _files(kubeconfig) if file.exists() for document in read_documents(file)]
    name = context or next((str(own["current-context"]) for own in contents if own.get("current-context")), "")
    user = str(_entry(contents, "contexts", name, "context").get("user") or "")
    plugin = _entry(contents, "users", user, "user").get("exec")
    command = plugin.get("command") if isinstance(plugin, dict) else None
    if not isinstance(plugin, dict) or not isinstance(command, str) or not command or Path(command).name != command:
        return
    added = {own.get("name"): str(own.get("value") or "") for own in _entries(plugin, "env")}
    if shutil.which(command, path=added.get("PATH")) is None:
        problem = f"the login plug-in {command!r} is not on the PATH"
        remedy = str(plugin.get("installHint") or "install it, or use another --context").strip()
        raise InvalidInput("kubeconfig", f"users[{user}].user.exec.command", problem, remedy)


def _entry(contents: Sequence[dict[str, Any]], kind: str, name: str, inner: str) -> dict[str, Any]:
    """What the first entry of this name holds; nothing where there is none, or it is no mapping."""
    entries = (own for content in contents for own in _entries(content, kind))
    found = next((own.get(inner) for own in entries if own.get("name") == name), None)
    return found if isinstance(found, dict) else {}


def _entries(content: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """What is of the form that is known; about the rest the client has its say."""
    found = content.get(kind)
    return [own for own in found if isinstance(own, dict)] if isinstance(found, list) else []


def _files(kubeconfig: Path | None) -> list[Path]:
    if kubeconfig is not None:
        return [kubeconfig]
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return listed or [Path("~/.kube/config").expanduser()]


def _namespace(entry: dict[str, Any]) -> str:
    inner = entry.get("context")
    return str(inner.get("namespace") or "") if isinstance(inner, dict) else ""
