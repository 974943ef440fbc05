"""Archives that are the same byte for byte whenever they hold the same: of images, and of the chart."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

_BLOCK = 1 << 20


def file_digest(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _packed(target: Path) -> Iterator[tarfile.TarFile]:
    """A compressed archive to write, without this machine's times and names."""
    partial = target.with_name(f"{target.name}.partial")
    with (
        partial.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        yield archive
    partial.replace(target)


def _add(archive: tarfile.TarFile, name: str, size: int, content: IO[bytes], mtime: int, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, mtime, mode
    archive.addfile(entry, content)


def repack(source: Path, target: Path, mtime: int) -> None:
    """Write a compressed archive again, its files in order and all of one time."""
    with tarfile.open(source) as old, _packed(target) as new:
        for member in sorted((each for each in old if each.isfile()), key=lambda each: each.name):
            content = old.extractfile(member)
            assert content is not None
            _add(new, member.name, member.size, content, mtime, 0o755 if member.mode & 0o100 else 0o644)


def settled(config: bytes, epoch: int) -> bytes:
    """An image's configuration without what differs from one build to the next: times, and the builder's containers."""
    found: dict[str, Any] = json.loads(config)
    time = datetime.fromtimestamp(epoch, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept = {key: value for key, value in found.items() if key not in ("container", "container_config")}
    kept["created"] = time
    kept["history"] = [{**step, "created": time} for step in found.get("history", ())]
    # An old engine writes every setting of a container there is; what is set is what counts.
    kept["config"] = {key: value for key, value in found["config"].items() if value not in (None, "", False, [], {})}
    for volatile in ("Image", "Hostname"):
        kept["config"].pop(volatile, None)
    return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()


def _layers(saved: tarfile.TarFile, names: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Each layer's place in the archive, its digest, its size."""
    for name in names:
        content = saved.extractfile(name)
        assert content is not None
        digest = hashlib.sha256()
        while block := content.read(_BLOCK):
            digest.update(block)
        yield name, digest.hexdigest(), saved.getmember(name).size


def pack_image(saved: Path, target: Path, epoch: int) -> str:
    """Write what `docker save` gave as an archive for `docker load`; return the image's number as it will be loaded.

    Every engine that knows either of docker's two layouts reads it, and so does `kind load image-archive`.
    """
    with tarfile.open(saved) as old, _packed(target) as new:
        manifest = old.extractfile("manifest.json")
        assert manifest is not None
        (described,) = json.load(manifest)
        config = old.extractfile(described["Config"])
        assert config is not None
        settings = settled(config.read(), epoch)
        number = hashlib.sha256(settings).hexdigest()
        layers = list(_layers(old, described["Layers"]))
        for name, digest, size in sorted(layers, key=lambda layer: layer[1]):
            content = old.extractfile(name)
            assert content is not None
            _add(new, f"{digest}.tar", size, content, epoch)
        _add(new, f"{number}.json", len(settings), io.BytesIO(settings), epoch)
        listed = [f"{digest}.tar" for _, digest, _ in layers]
        entry = {"Config": f"{number}.json", "RepoTags": described["RepoTags"], "Layers": listed}
        text = json.dumps([entry], sort_keys=True).encode()
        _add(new, "manifest.json", len(text), io.BytesIO(text), epoch)
    return f"sha256:{number}"
