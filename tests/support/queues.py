"""Kueue and JobSet on a control plane: their own installations, the managers as processes beside the API server.

The API server finds their webhooks by name, as in a cluster, because their Services point to this machine; the serving
certificate is the one that Kueue makes, which a kubelet would mount and which is written into a folder here.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from cluster import ControlPlane
from processes import Process, free_port, wait_until
from queueing import queueing_folder
from stack import answers

Json = dict[str, Any]

NAMESPACE = "kueue-system"
SERVICE = "kueue-webhook-service"
SECRET = "kueue-webhook-server-cert"
INSTALLED = (
    "Namespace",
    "CustomResourceDefinition",
    "Secret",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
"""What of the installations counts here: no pod runs a manager, and who starts one is the cluster's administrator."""
START_LIMIT_S = 90.0


def _manifests(program: str) -> list[Json]:
    text = (queueing_folder() / "manifests" / f"{program}.yaml").read_text()
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]  # megabytes of CRDs


def _clients(document: Json) -> list[Json]:
    """Every webhook's `clientConfig` in a webhook configuration or CRD."""
    if document["kind"] == "CustomResourceDefinition":
        webhook = document["spec"].get("conversion", {}).get("webhook")
        return [webhook["clientConfig"]] if webhook else []
    return [webhook["clientConfig"] for webhook in document.get("webhooks", ())]


class Queues:
    """The two managers; `folder` takes their settings and certificates."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self._certificates = plane.folder / "queues-certificates"
        self._ports = {program: free_port() for program in ("kueue", "jobset")}
        self._health = {program: free_port() for program in ("kueue", "jobset")}
        self.processes: list[Process] = []

    def up(self) -> Queues:
        """Install both, start both; returns when both serve their webhooks."""
        self._certificates.mkdir(exist_ok=True)
        self._install("kueue")
        service = {"type": "ExternalName", "externalName": "localhost"}
        metadata = {"name": SERVICE, "namespace": NAMESPACE}
        self._apply([{"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service}])
        self._install("jobset", bundle=False)
        self._start("kueue")
        authority = self._take_certificate()
        self._wait("kueue")
        self._install("jobset", authority)
        self._start("jobset")
        self._wait("jobset")
        return self

    def _install(self, program: str, authority: str = "", bundle: bool = True) -> None:
        """Apply what counts of an installation; without `bundle` only what has to be there before the webhooks work."""
        documents = [document for document in _manifests(program) if document["kind"] in INSTALLED]
        for client in (client for document in documents for client in _clients(document)):
            client["service"] |= {"name": SERVICE, "namespace": NAMESPACE, "port": self._ports[program]}
            if authority:
                client["caBundle"] = authority
        self._apply([one for one in documents if bundle or one["kind"] in ("Namespace", "CustomResourceDefinition")])

    def _apply(self, documents: list[Json]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": documents}
        command = ("apply", "--server-side", "--force-conflicts", "--filename=-")
        self.plane.kubectl(*command, stdin=json.dumps(listed), timeout_s=180.0)

    def _take_certificate(self) -> str:
        """Write the certificate that Kueue makes to where a kubelet would mount it; returns its authority, encoded."""
        ask = ("get", "secret", SECRET, f"--namespace={NAMESPACE}", "--output=json")

        def made() -> Json:
            found: Json = json.loads(self.plane.kubectl(*ask)).get("data") or {}
            return found if "tls.key" in found else {}

        assert wait_until(lambda: bool(made()), START_LIMIT_S, 0.3), self.processes[0].output()[-2000:]
        data = made()
        for name, value in data.items():
            (self._certificates / name).write_bytes(base64.b64decode(value))
        return str(data["ca.crt"])

    def _settings(self, program: str) -> Path:
        """Kueue's own settings and JobSet's, but for addresses, certificates and leader election."""
        (config,) = [one for one in _manifests(program) if one["kind"] == "ConfigMap" and "manager-config" in str(one)]
        settings: Json = yaml.safe_load(config["data"]["controller_manager_config.yaml"])
        settings["webhook"] = {
            "host": "127.0.0.1",
            "port": self._ports[program],
            "certDir": str(self._certificates),
        }
        settings["health"] = {"healthProbeBindAddress": f"127.0.0.1:{self._health[program]}"}
        settings["metrics"] = {"bindAddress": "0"}
        settings["leaderElection"] = {"leaderElect": False}
        settings["internalCertManagement"] = {"enable": program == "kueue"}
        if program == "kueue":
            settings["namespace"] = NAMESPACE
            settings["internalCertManagement"] |= {"webhookServiceName": SERVICE, "webhookSecretName": SECRET}
        path = self.plane.folder / f"{program}.yaml"
        path.write_text(yaml.safe_dump(settings))
        return path

    def _start(self, program: str) -> None:
        command = [str(queueing_folder() / "bin" / program), f"--config={self._settings(program)}"]
        if program == "kueue":
            command.append("--feature-gates=VisibilityOnDemand=false")  # an API server of its own, which nobody asks
        self.processes.append(self.plane.start_process(program, command))

    def _wait(self, program: str) -> None:
        process, url = self.processes[-1], f"http://127.0.0.1:{self._health[program]}/readyz"
        ready = wait_until(lambda: not process.alive() or answers(url), START_LIMIT_S, 0.3)
        assert ready and process.alive(), f"{program} does not come up: {process.output()[-3000:]}"
