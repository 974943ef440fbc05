"""An image's bill of materials (CycloneDX): our packages, those of others, and the base image's Debian packages.

It is the same whenever the image is: its time is that of the sources, its number comes from what it lists.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.parser import HeaderParser
from importlib.metadata import Distribution
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from docker_cli import Docker
from lock import normal
from recipes import VERSION, Image, ImageError
from store import Store

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://heterosched.io/sbom")
_LONGEST_NAME = 80
"""A `License` field longer than this is the licence's text, not its name."""


def licence(metadata: Mapping[str, str], classifiers: Iterable[str]) -> str:
    """What a package says its licence is: an expression, else a name, else the classifier; empty if it says nothing."""
    for field in ("License-Expression", "License"):
        said = (metadata.get(field) or "").strip()
        if said and said != "UNKNOWN" and len(said) <= _LONGEST_NAME and "\n" not in said:
            return said
    named = [each.rsplit(" :: ", 1)[-1] for each in classifiers if each.startswith("License :: ")]
    return ", ".join(name for name in named if name != "OSI Approved")


def of_python(package: Distribution) -> Component:
    """A Python package that is installed in the image."""
    metadata = package.metadata
    fields = {field: metadata[field] for field in ("License-Expression", "License") if field in metadata}
    said = licence(fields, metadata.get_all("Classifier") or ())
    name = normal(metadata["Name"])
    purl = PackageURL("pypi", name=name, version=package.version)
    return Component(
        name=name,
        version=package.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        description=summaries[0] if (summaries := metadata.get_all("Summary")) else None,
        licenses=[LicenseFactory().make_from_string(said)] if said else (),
    )


def of_debian(status: str, release: str) -> list[Component]:
    """The Debian packages of a dpkg status file, for the distribution that an os-release file names."""
    facts = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    distro = f"{facts.get('ID', 'debian')}-{facts.get('VERSION_ID', '')}".replace('"', "")
    found = []
    for block in status.split("\n\n"):
        package = HeaderParser().parsestr(block)
        if not package["Package"] or "installed" not in (package["Status"] or "").split()[-1:]:
            continue
        qualifiers = {"arch": package["Architecture"] or "", "distro": distro}
        purl = PackageURL("deb", distro.split("-")[0], package["Package"], package["Version"], qualifiers)
        name, version = package["Package"], package["Version"]
        found.append(Component(name=name, version=version, purl=purl, bom_ref=purl.to_string()))
    return found


def _file(docker: Docker, container: str, path: str) -> str:
    """A file of a container that need not run; empty where it has none."""
    command = ["docker", "cp", f"{container}:{path}", "-"]
    done = subprocess.run(command, env=dict(docker.environ), capture_output=True, check=False)
    if done.returncode != 0:
        return ""
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        member = archive.extractfile(archive.getmembers()[0])
        return member.read().decode(errors="replace") if member else ""


def system(docker: Docker, base: str) -> list[Component]:
    """What the base image brings: its Debian packages, and a Python that is none of them. Nothing of it is run."""
    container = docker.run("create", "--network=none", base, "true")
    try:
        status = _file(docker, container, "/var/lib/dpkg/status")
        found = of_debian(status, _file(docker, container, "/usr/lib/os-release"))
    finally:
        docker.run("rm", "--force", container)
    environ = dict(each.split("=", 1) for each in docker.inspect(base)["Config"]["Env"] or ())
    if version := environ.get("PYTHON_VERSION"):
        purl = PackageURL("generic", name="python", version=version)
        found.append(Component(name="python", version=version, purl=purl, bom_ref=purl.to_string()))
    if not found:
        raise ImageError(f"base image {base}: no list of packages (/var/lib/dpkg/status): take one made of Debian")
    return found


def components(
    image: Image, pins: Iterable[tuple[str, str]], store: Store, base: Iterable[Component]
) -> list[Component]:
    """All that an image consists of: our packages, those of others, what the base brings."""
    names = [*(normal(package) for package in image.packages), *(name for name, _ in pins)]
    return [of_python(store.packages[name]) for name in sorted(names)] + list(base)


def bill(image: Image, arch: str, epoch: int, components: list[Component]) -> Bom:
    """The bill of materials of an image whose sources are of the time `epoch`."""
    purl = PackageURL("oci", name=image.name, version=VERSION, qualifiers={"arch": arch})
    root = Component(
        name=f"heterosched/{image.name}",
        version=VERSION,
        type=ComponentType.CONTAINER,
        description=image.title,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    listed = "\n".join(component.bom_ref.value or "" for component in [root, *components])
    found = Bom(components=components, serial_number=uuid.uuid5(_NAMESPACE, listed))
    found.metadata.component = root
    found.metadata.timestamp = datetime.fromtimestamp(epoch, tz=UTC)
    found.register_dependency(root, components)
    return found


def write(target: Path, found: Bom) -> None:
    """Write a bill of materials as JSON."""
    target.write_text(JsonV1Dot6(found).output_as_string(indent=2) + "\n", encoding="utf-8")
