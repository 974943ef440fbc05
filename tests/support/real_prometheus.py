"""A real Prometheus that scrapes a text of the test's own, twice a second."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import ssl
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from processes import free_port, wait_until

PROGRAM = shutil.which("prometheus")


class Exposition:
    """A static exporter: serves `text` until it is closed."""

    def __init__(self) -> None:
        self.text = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = outer.text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Scrapes are not news."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class RealPrometheus:
    """`start`, `kill`, `pause`, `resume`; data and port stay, so a restarted one is the same one.

    `jobs` are further entries of `scrape_configs`; with `web` (its web.yml) it speaks TLS and asks for a `login`, its
    user and password.
    """

    def __init__(self, folder: Path, target: int, jobs: str = "", web: str = "", login: str = "") -> None:
        self._folder, self._port, self._web, self._login = folder, free_port(), web, login
        self.url = f"http{'s' if web else ''}://127.0.0.1:{self._port}"
        if web:
            (folder / "web.yml").write_text(web)
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\n"  # less, and a busy machine misses some
            "scrape_configs:\n"
            f"- {{job_name: test, honor_labels: true, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}\n" + jobs
        )

    def start(self) -> None:
        assert PROGRAM is not None
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    PROGRAM,
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    *([f"--web.config.file={self._folder / 'web.yml'}"] if self._web else []),
                ],
                stdout=log,
                stderr=log,
            )
        assert wait_until(self._ready, 20.0), (self._folder / "log").read_text()

    def _ready(self) -> bool:
        """By its own word: it listens, and says 503, before it can answer."""
        login = base64.b64encode(self._login.encode()).decode()
        asked = urllib.request.Request(f"{self.url}/-/ready", headers={"Authorization": f"Basic {login}"})
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        try:
            with urllib.request.urlopen(asked, timeout=1, context=trusting if self._web else None) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False
