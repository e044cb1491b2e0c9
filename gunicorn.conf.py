"""How the server runs: threads, orderly ends, and logs that tell nothing about people.

This file reads the environment itself, against the house rule, because gunicorn needs it before the
application and its settings exist: WORKERS, HOST, PORT and PROMETHEUS_MULTIPROC_DIR, nothing else.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

wsgi_app = "app:create_app()"
bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"

worker_class = "gthread"
workers = int(os.environ.get("WORKERS") or "2")
threads = 8
preload_app = False  # connections to SQLite and PostgreSQL do not survive a fork

timeout = 60  # a worker that stopped answering; an upload of 20 MiB is read by threads, not by it
graceful_timeout = 10  # contract 9: SIGTERM lets requests in flight finish
keepalive = 5
max_requests = 20_000  # what leaks in a decoder leaves with its worker
max_requests_jitter = 2_000
if Path("/dev/shm").is_dir():  # noqa: S108 - the heartbeat must not wait for a disk
    worker_tmp_dir = "/dev/shm"  # noqa: S108

limit_request_line = 8_190
limit_request_fields = 64
control_socket_disable = True  # it would be a socket in the home folder that nothing here uses

# The application writes one line for each request, by its rule and without query string, address or
# user agent: signed links, cursors and people stay out. Another here would say more, or the same.
accesslog = None
errorlog = "-"


def _metrics_folder() -> Path:
    """Give the workers one empty folder; what dead processes left there would go on counting."""
    chosen = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    folder = Path(chosen or tempfile.mkdtemp(prefix="suishoupai-metrics-"))
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink()
    return folder


# A reload (SIGHUP) reads this file again in the same process, while old workers still count.
if os.environ.get("METRICS_MASTER") != str(os.getpid()):
    os.environ["METRICS_FOLDER_IS_OURS"] = "" if os.environ.get("PROMETHEUS_MULTIPROC_DIR") else "1"
    os.environ["METRICS_MASTER"] = str(os.getpid())
    # prometheus_client reads it when the workers import it
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics_folder())


def post_fork(_server: Any, _worker: Any) -> None:
    """Let each worker give memory back, before the application and its threads take any."""
    from core import memory

    memory.give_back()


def child_exit(_server: Any, worker: Any) -> None:
    """Take a dead worker's gauges away; its counters stay in the sum."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(_server: Any) -> None:
    """Remove the folder that this server made for itself."""
    if os.environ["METRICS_FOLDER_IS_OURS"]:
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
