"""Photos: CPU of a decoded phone photo against libjpeg-turbo's own tools, memory, time, uploads."""

import io
import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image

from bench import pictures, pictures_index
from bench.city import City
from bench.databases import databases
from bench.load import Served
from bench.machine import PROCESSES, children, resident_mb
from bench.uploads import uploads_per_second
from media import decoding
from media.files import LARGE, THUMB

TICK = os.sysconf("SC_CLK_TCK")
SAMPLES = 0.002  # seconds between two looks at a decoder's memory


@dataclass(frozen=True)
class Decoded:
    """What it costs to make both copies and the gist of a file; memory is beyond an idle one's."""

    name: str
    cpu_ms: float
    seconds: float
    memory_mb: float


@dataclass(frozen=True)
class Photos:
    """All figures of photos."""

    tools_ms: float
    ratio: float
    decoded: Sequence[Decoded]
    fourth_of_four: float
    uploads: float
    searches: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Amount:
    """How much is measured: rounds beside the tools, uploads, and prints to search among."""

    rounds: int = 7
    times: int = 20  # a round: the decoder's clock has ticks of 10 ms
    uploads: int = 40
    prints: int = pictures_index.COUNT
    shrink: int = 1


FEW = Amount(rounds=1, times=1, uploads=4, prints=500, shrink=8)


def survey(kinds: Sequence[str], amount: Amount, say: Callable[[str], None]) -> Photos:
    """Measure all of it, the search on each kind of database."""
    with databases("sqlite") as found:
        city = City(found.home / "photos", found.url("photos"), 60)
        try:
            made = _survey(city, amount, say)
        finally:
            city.close()
    for kind in kinds:
        say(f"{kind}: the same picture among {amount.prints:,}")
        made.searches[kind] = pictures_index.measure(kind, amount.prints)
    return made


def _survey(city: City, amount: Amount, say: Callable[[str], None]) -> Photos:
    """Measure what no database takes part in; the application gives the decoder its folder."""
    say("photos: CPU, memory and time of decoding, and uploads a second")
    phone = pictures.scene(pictures.PHONE, amount.shrink)
    largest = pictures.heic(pictures.scene(pictures.LARGEST, amount.shrink))
    files = {
        "12 Mpx JPEG": pictures.jpeg(phone),
        "12 Mpx HEIC": pictures.heic(phone),
        "50 Mpx HEIC": largest,
    }
    with city.app.app_context():
        decoding.examine(io.BytesIO(files["12 Mpx JPEG"]))  # starts the program
        pairs = [
            (_cpu_ms(files["12 Mpx JPEG"], amount.times), tools_ms(phone))
            for _ in range(amount.rounds)
        ]
        decoded = [_decoded(name, data, amount.rounds) for name, data in files.items()]
    with Served(city.environ) as served:
        many = uploads_per_second(city, served.port, files["12 Mpx JPEG"], amount.uploads)
    return Photos(
        tools_ms=median(tools for _, tools in pairs),
        ratio=median(ours / tools for ours, tools in pairs),
        decoded=decoded,
        fourth_of_four=_together(city, largest, 4),
        uploads=many,
        searches={},
    )


def tools_ms(phone: Image.Image) -> float:
    """Return the CPU ms of a scaled decode and two encodes by libjpeg-turbo's own tools."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "photo.jpg").write_bytes(pictures.jpeg(phone))
        copies = []
        for limit in (LARGE, THUMB):
            smaller = phone.resize((limit, limit * phone.height // phone.width))
            (home / f"{limit}.ppm").write_bytes(pictures.portable(smaller))
            copies.append(["cjpeg", "-quality", "82", "-outfile", f"{limit}.jpg", f"{limit}.ppm"])
        decode = ["djpeg", "-scale", "4/8", "-outfile", "half.ppm", "photo.jpg"]
        before = _children_ms()
        for command in (decode, *copies):
            subprocess.run(command, cwd=home, check=True)
        return _children_ms() - before


def _children_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def _decoder() -> int:
    """Return the process of the decoder program that this process has started."""
    for child in children(os.getpid()):
        if b"media.decoder" in (PROCESSES / str(child) / "cmdline").read_bytes():
            return child
    raise LookupError("no decoder runs")


def _decoder_ms() -> float:
    """Return the CPU ms of the decoder and of the children that it has seen end."""
    line = (PROCESSES / str(_decoder()) / "stat").read_text(encoding="utf-8")
    fields = line.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * 1000 / TICK


def _cpu_ms(data: bytes, times: int) -> float:
    """Return the CPU ms of one examination, ours and the decoder's."""
    before, own = _decoder_ms(), time.process_time()
    for _ in range(times):
        decoding.examine(io.BytesIO(data))
    return (_decoder_ms() - before + (time.process_time() - own) * 1000) / times


def _decoded(name: str, data: bytes, rounds: int) -> Decoded:
    took = []
    for _ in range(max(2, rounds // 2)):
        began = time.perf_counter()
        decoding.examine(io.BytesIO(data))
        took.append(time.perf_counter() - began)
    cpu = median(_cpu_ms(data, 2) for _ in range(2))
    return Decoded(name, cpu, median(took), _memory_mb(lambda: decoding.examine(io.BytesIO(data))))


def _memory_mb(work: Callable[[], object]) -> float:
    """Return by how much the largest child of the decoder outgrows the idle decoder."""
    decoder = _decoder()
    idle, most, done = resident_mb(decoder), 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            for child in children(decoder):
                most = max(most, _peak_mb(child))
            time.sleep(SAMPLES)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        work()
    finally:
        done.set()
        watching.join()
    return most - idle


def _peak_mb(process: int) -> float:
    try:
        status = (PROCESSES / str(process) / "status").read_text(encoding="utf-8")
    except OSError:
        return 0.0  # it ended meanwhile
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 / 1e6 if found else 0.0


def _together(city: City, data: bytes, count: int) -> float:
    """Return the seconds until the last of several, begun at the same time, is done."""

    def work(_at: int) -> None:
        with city.app.app_context():
            decoding.examine(io.BytesIO(data))

    began = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, range(count)))
    return time.perf_counter() - began
