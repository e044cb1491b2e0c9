"""A real S3 gateway on loopback: SeaweedFS in one process, with a bucket of that name and one key.

What a stand-in can't show (signatures, pages of a thousand, conditional and expired requests) is
asked of this one. It is up in two seconds, so the tests that need it share one worker.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from boto3.session import Session
from botocore.config import Config

from media.bucket import S3Store
from tests.live import free_port

BUCKET: Final = "photos"
KEY, SECRET = "gateway-key", "gateway-secret-of-the-tests"
SIGNED: Final = Config(signature_version="s3v4", s3={"addressing_style": "path"})
PATIENCE: Final = 30  # seconds
PORTS: Final = ("master", "volume", "filer", "s3", "admin")
OPTIONS: Final = (
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    f"-bucket={BUCKET}",
    "-webdav=false",
    "-admin.ui=false",
    "-s3.iam=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-master.telemetry=false",
)


@dataclass
class Gateway:
    """Where it listens, and a client with its key, for what our store never asks."""

    url: str
    home: Path
    pid: int

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "S3_ENDPOINT_URL": self.url,
        }

    def store(self, prefix: str, bucket: str = BUCKET) -> S3Store:
        """Return a store; its key comes from the environment, as in production."""
        return S3Store(bucket, prefix, self.url, "us-east-1")

    def client(self) -> Any:
        return Session(KEY, SECRET, region_name="us-east-1").client(
            "s3", endpoint_url=self.url, config=SIGNED
        )


@contextmanager
def running(home: Path) -> Iterator[Gateway]:
    """Start it with its data in that folder, wait until its bucket answers, and end it."""
    ports = {name: (free_port(), free_port()) for name in PORTS}
    numbers = [
        option
        for name, (plain, grpc) in ports.items()
        for option in (f"-{name}.port={plain}", f"-{name}.port.grpc={grpc}")
    ]
    command = [str(Path(sys.prefix) / "bin" / "weed"), "mini", f"-dir={home}", *OPTIONS, *numbers]
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**kept, **keys, "HOME": str(home), "TMPDIR": str(home)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    made = Gateway(f"http://127.0.0.1:{ports['s3'][0]}", home, process.pid)
    try:
        _wait(made, process)
        yield made
    finally:
        process.send_signal(signal.SIGKILL)  # its data is thrown away
        process.wait(20)


def _wait(made: Gateway, process: "subprocess.Popen[bytes]") -> None:
    began, client = time.monotonic(), made.client()
    while time.monotonic() - began < PATIENCE:
        assert process.poll() is None, (made.home / "log").read_text(errors="replace")[-2000:]
        try:
            httpx.get(made.url, timeout=1)
            client.head_bucket(Bucket=BUCKET)
        except Exception:  # noqa: BLE001  not up yet, in whatever way
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the gateway does not answer")
