"""The one command line that makes a cluster out of the programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def create_command(
    name: str, binaries: Path, kubeconfig: Path, ports: Mapping[str, int], apiserver: Sequence[str] = ()
) -> list[str]:
    """Return the kwokctl command that creates a cluster from `binaries`; `apiserver`: further `flag=value`s of its own.

    Listens on the loopback interface alone (kwokctl's default is every interface, with an open etcd), and etcd does
    not sync its files: the data does not outlive the cluster.
    """
    flags = {
        "--etcd-binary": binaries / "etcd",
        "--kube-apiserver-binary": binaries / "kube-apiserver",
        "--kube-controller-manager-binary": binaries / "kube-controller-manager",
        "--kube-scheduler-binary": binaries / "kube-scheduler",
        "--kwok-controller-binary": binaries / "kwok",
        "--kubeconfig": kubeconfig,
        "--controller-port": ports["kwok"],
        "--etcd-port": ports["etcd"],
        "--kube-apiserver-port": ports["apiserver"],
        "--enable-crds": "Stage,Metric,ClusterResourceUsage",
        "--wait": "60s",
    }
    # kwokctl 0.8 gives a part's second argument to another part unless the first ones of all parts come before it.
    extra = [
        f"etcd=listen-client-urls=http://127.0.0.1:{ports['etcd']}",
        "kube-apiserver=bind-address=127.0.0.1",
        "kube-controller-manager=bind-address=127.0.0.1",
        "kube-scheduler=bind-address=127.0.0.1",
        f"kwok-controller=server-address=127.0.0.1:{ports['kwok']}",
        "etcd=unsafe-no-fsync=true",
        # There is one of each: a lease that a slow machine renews too late would only end them.
        "kube-controller-manager=leader-elect=false",
        "kube-scheduler=leader-elect=false",
        *(f"kube-apiserver={argument}" for argument in apiserver),
    ]
    # Errors only: kwok warns at every scrape of a node that never had a pod.
    command = [str(binaries / "kwokctl"), "-v", "ERROR", "create", "cluster", "--runtime", "binary", "--name", name]
    command += [f"{flag}={value}" for flag, value in flags.items()]
    command += ["--disable-qps-limits", *(f"--extra-args={argument}" for argument in extra)]
    return command
