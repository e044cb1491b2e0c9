"""The decoder program: what it survives, what it is denied, and that it leaves nothing behind."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from PIL import Image

from media import decoding, images, slots
from media.answers import read_picture
from media.decoding import Program, examine, redacted
from media.errors import DamagedImage, DecoderBusy, TooManyPixels, UnsupportedFormat
from media.files import Box, Picture
from media.slots import slot
from tests.media.pictures import exif, jpeg, noise, place, png_of

PROJECT = Path(decoding.__file__).resolve().parent.parent
TINY = jpeg(Image.new("RGB", (8, 8)))
FLOOD = (
    "[os.write(n, b'x' * 20_000_000) for n in range(3, 20)"
    " if 'answer' in os.path.realpath(f'/proc/self/fd/{n}')]"
)
PLANT = """
import ctypes, os, signal, sys, time
from media import decoder, images
true = images.examine
def planted(stream):
    if os.fstat(stream.fileno()).st_size < 1000:
        {deed}
    return true(stream)
images.examine = planted
decoder.CPU_SECONDS = 1
decoder.warm_up = lambda: None
decoder.main()
"""


@pytest.fixture
def program(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Program]]:
    """A decoder of its own for the test, whose children do a deed before they decode."""
    made: list[Program] = []

    def start(deed: str) -> Program:
        planted = Program((sys.executable, "-c", PLANT.format(deed=deed)))
        monkeypatch.setattr(decoding, "_program", planted)
        made.append(planted)
        return planted

    home = SimpleNamespace(instance=tmp_path_factory.mktemp("places"))
    monkeypatch.setattr(decoding, "settings", lambda: home)
    yield start
    for one in made:
        one.close()


def seen(data: bytes) -> Picture:
    return examine(io.BytesIO(data))


@pytest.mark.parametrize(
    "deed",
    [
        "ctypes.string_at(0)",
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "os.abort()",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(3)",
        "raise RuntimeError",
        "raise SystemExit(0)",
        "raise MemoryError",
        "b'x' * 500_000_000",
        "while True: pass",
        FLOOD,
    ],
)
def test_whatever_happens_to_a_child_is_a_damaged_photo(
    program: Callable[[str], Program], deed: str
) -> None:
    planted = program(deed)
    with pytest.raises(DamagedImage):
        seen(TINY)
    pid = planted.pid
    assert seen(jpeg()).width == 640
    assert planted.pid == pid, "the program itself lives on"


def test_a_child_may_use_what_it_is_given(program: Callable[[str], Program]) -> None:
    program("b'x' * 300_000_000")
    assert seen(TINY).width == 8


def test_a_child_that_sleeps_is_killed_and_its_place_is_free(
    program: Callable[[str], Program],
) -> None:
    planted = program("time.sleep(60)")
    _prelude(planted, "decoder.WALL_SECONDS = 1")
    with pytest.raises(DecoderBusy):
        seen(TINY)
    assert seen(jpeg()).width == 640
    assert _children(planted.pid) == []


def test_a_program_that_does_not_answer_is_replaced(
    program: Callable[[str], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = program("pass")
    assert seen(jpeg()).width == 640
    monkeypatch.setattr(decoding, "WALL_SECONDS", 0.2)
    monkeypatch.setattr(decoding, "MARGIN", 0.2)
    stopped = planted.pid
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    with pytest.raises(DecoderBusy):
        seen(jpeg())
    monkeypatch.undo()
    assert not _alive(stopped)


def test_a_program_killed_between_two_photos_is_started_again(
    program: Callable[[str], Program],
) -> None:
    planted = program("pass")
    assert seen(jpeg()).width == 640
    first = planted.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert seen(jpeg()).width == 640
    assert planted.pid != first


def test_a_program_killed_amid_a_photo_takes_it_up_again(
    program: Callable[[str], Program], tmp_path: Path
) -> None:
    mark = tmp_path / "begun"
    deed = f"""
        if not os.path.exists({str(mark)!r}):
            open({str(mark)!r}, "w").write(str(os.getpid()))
            time.sleep(60)"""
    planted = program(deed)
    found: list[Picture] = []
    app_thread = threading.Thread(target=lambda: found.append(_within(planted)))
    app_thread.start()
    _until(lambda: mark.exists() and bool(mark.read_text()))
    first = planted.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    app_thread.join(10)
    assert found[0].width == 8
    _until(lambda: not _alive(int(mark.read_text())))


def _within(planted: Program) -> Picture:
    with decoding.readable(io.BytesIO(TINY)) as photo:
        return read_picture(planted.decode(photo, b'{"boxes": null}'))


def test_a_program_that_can_not_start_is_busy(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_program", Program((sys.executable, "-c", "")))
    with app.app_context(), pytest.raises(DecoderBusy):
        seen(jpeg())


def test_named_refusals_keep_their_names(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(UnsupportedFormat):
            seen(b"GIF89a")
        with pytest.raises(TooManyPixels):
            seen(png_of(65535, 65535))
        with pytest.raises(DamagedImage):
            seen(jpeg()[:300])


def test_two_processes_make_the_same_bytes(app: Flask) -> None:
    data = jpeg(noise((900, 700)), exif=exif(position=place(35.415, 116.587)))
    with app.app_context():
        first = seen(data)
        decoding._program.close()
        assert seen(data) == first == images.examine(io.BytesIO(data))
        boxes = [Box(10, 20, 30, 40)]
        made = redacted(io.BytesIO(data), boxes)
    assert made == images.redacted(io.BytesIO(data), boxes)
    assert made.thumb != first.thumb


def test_a_file_on_disk_is_lent_for_reading_alone_and_keeps_its_place(
    app: Flask, tmp_path: Path
) -> None:
    (tmp_path / "photo").write_bytes(jpeg())
    with (tmp_path / "photo").open("r+b") as stream, app.app_context():
        stream.seek(7)
        assert examine(stream).width == 640
        assert stream.tell() == 7
        with decoding.readable(stream) as lent, pytest.raises(OSError, match="descriptor"):
            os.write(lent, b"x")


def test_no_secret_and_no_foreign_file_is_within_reach(
    program: Callable[[str], Program], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY", "canary-of-the-environment")
    report = tmp_path / "report"
    deed = (
        f"open({str(report)!r}, 'w').write(repr((dict(os.environ), os.getcwd(), "
        "sorted(os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')"
        " if os.path.exists(f'/proc/self/fd/{n}')), "
        "open('/proc/self/status').read())))"
    )
    program(deed)
    assert seen(TINY).width == 8
    environ, folder, files, status = eval(report.read_text())
    assert set(environ) == {"LC_ALL", "GLIBC_TUNABLES"}
    assert folder == "/"
    foreign = [name for name in files if not name.startswith(("/dev/null", "/memfd:", "/proc/"))]
    assert foreign == [str(report)]
    assert "NoNewPrivs:\t1" in status


def test_a_child_can_not_speak_for_another_one(
    program: Callable[[str], Program], tmp_path: Path
) -> None:
    """Whose last word it had in hand, it could make believe that the other had ended."""
    deed = (
        "time.sleep(0.5); open(os.path.join("
        f"{str(tmp_path)!r}, str(os.getpid())), 'w').write(repr([os.readlink("
        "f'/proc/self/fd/{n}') for n in range(3, 32) if os.path.exists(f'/proc/self/fd/{n}')]))"
    )
    named = ["/memfd:answer", "/memfd:photo", f"{tmp_path}/"]
    planted = program(deed)
    threads = [threading.Thread(target=_within, args=(planted,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    held = [
        sorted({name.split()[0].rstrip("0123456789") for name in eval(report.read_text())})
        for report in tmp_path.iterdir()
    ]
    assert held == [["/dev/null", *named]] * 2


def test_a_child_keeps_what_the_machine_allows_less(
    program: Callable[[str], Program], tmp_path: Path
) -> None:
    report = tmp_path / "report"
    deed = (
        f"import resource as r; open({str(report)!r}, 'w').write("
        "repr((r.getrlimit(r.RLIMIT_DATA), r.getrlimit(r.RLIMIT_CPU))))"
    )
    planted = program(deed)
    _prelude(
        planted,
        "import resource; resource.setrlimit(resource.RLIMIT_DATA, (310_000_000, 310_000_000))",
        "decoder.FIRST_TO_GO = 'no number'",  # as where a container forbids to change the rank
    )
    assert seen(TINY).width == 8
    assert eval(report.read_text()) == ((310_000_000, 310_000_000), (1, 1))


def test_a_child_that_can_not_be_confined_blames_no_photo(
    program: Callable[[str], Program],
) -> None:
    planted = program("pass")
    _prelude(planted, "decoder.confine = lambda: 1 / 0")
    with pytest.raises(DecoderBusy):
        seen(TINY)
    assert _alive(planted.pid or 0)


def _prelude(planted: Program, *lines: str) -> None:
    """Let a program that has not started yet do something first."""
    *command, script = planted._command
    planted._command = (
        *command,
        script.replace("decoder.main()", "\n".join([*lines, "decoder.main()"])),
    )


def test_a_listener_that_went_away_ends_no_program(program: Callable[[str], Program]) -> None:
    planted = program("time.sleep(0.2)")
    assert seen(jpeg()).width == 640
    pid, answer, (word, said) = planted.pid, os.memfd_create("answer"), os.pipe()
    with decoding.readable(io.BytesIO(TINY)) as photo:
        planted._sent(b'{"boxes": null}', [photo, answer, said])
    for number in (answer, word, said):
        os.close(number)
    assert seen(TINY).width == 8
    assert planted.pid == pid


def test_a_machine_without_another_process_is_busy(
    program: Callable[[str], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = program("pass")

    def full() -> None:
        raise OSError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(planted, "_start", full)
        before = _descriptors(os.getpid())
        with pytest.raises(DecoderBusy):
            seen(TINY)
        assert _descriptors(os.getpid()) == before
    assert seen(TINY).width == 8


def test_nothing_is_left_or_grows_over_many_photos(program: Callable[[str], Program]) -> None:
    planted = program("pass")
    data, broken = TINY, jpeg()[:300]
    for _ in range(20):
        seen(data)
    pid = planted.pid
    time.sleep(0.1)  # it tells the last word before it closes the pipe
    before = _descriptors(os.getpid()), _descriptors(pid)
    resident = _resident(os.getpid()), _resident(pid)
    for at in range(60):
        try:
            seen(broken if at % 3 == 0 else data)
        except DamagedImage:
            assert at % 3 == 0
    _until(lambda: (_descriptors(os.getpid()), _descriptors(pid)) == before)
    assert _children(pid) == []
    grown = [
        now - then
        for now, then in zip((_resident(os.getpid()), _resident(pid)), resident, strict=True)
    ]
    assert max(grown) < 3000, "kilobytes"


def test_a_fork_amid_a_photo_holds_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "LONGEST_WAIT", 0.2)
    with slot(tmp_path):
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
    try:
        with slot(tmp_path), slot(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_fork_while_another_thread_waits_may_decode(tmp_path: Path) -> None:
    with slots._places._turn:
        child = os.fork()
        if not child:
            try:
                with slot(tmp_path):
                    os._exit(0)
            finally:
                os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_fork_leaves_the_program_to_its_parent(app: Flask) -> None:
    with app.app_context():
        seen(jpeg())
        first = decoding._program.pid
        child = os.fork()
        if not child:
            try:
                right = seen(jpeg()).width == 640 and decoding._program.pid != first
                decoding._program.close()
                os._exit(0 if right else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert seen(jpeg()).width == 640
        assert decoding._program.pid == first


SERVER = """
import io, sys, time
from pathlib import Path
from types import SimpleNamespace
from media import decoding
decoding.settings = lambda: SimpleNamespace(instance=Path(sys.argv[1]))
from tests.media.test_decoding import PLANT
planted = decoding.Program((sys.executable, "-c", PLANT.format(deed=sys.argv[2])))
decoding._program = planted
planted._lock
planted._running = planted._start()
print(planted.pid, flush=True)
decoding.examine(open(sys.argv[3], "rb"))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_server_process_is_killed(
    tmp_path: Path, number: signal.Signals
) -> None:
    mark = tmp_path / "child"
    (tmp_path / "photo").write_bytes(TINY)
    deed = f"open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    arguments = [sys.executable, "-c", SERVER, str(tmp_path), deed, str(tmp_path / "photo")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=PROJECT) as server:
        assert server.stdout is not None
        program = int(server.stdout.readline())
        _until(lambda: mark.exists() and bool(mark.read_text()))
        child = int(mark.read_text())
        assert _alive(program)
        assert _alive(child)
        server.send_signal(number)
    _until(lambda: not _alive(program) and not _alive(child))


def test_the_server_never_loads_a_picture_format(tmp_path: Path) -> None:
    """Only the decoder does: checked in a fresh process that serves a request and a photo.

    Nor what takes megabytes and is not for each process: it comes in where it is first used.
    """
    script = """
import sys
from pathlib import Path
from app import create_app
from core.settings import from_environment
home = str(Path(sys.argv[1]).parent)
app = create_app(from_environment({"INSTANCE_PATH": home, "LOG_LEVEL": "ERROR"}), testing=True)
assert app.test_client().get("/healthz").status_code < 600
with app.app_context():
    from media import decoding
    with open(sys.argv[1], "rb") as photo:
        assert decoding.examine(photo).width == 640
    maps = open(f"/proc/{decoding._program.pid}/maps").read()
assert "PIL" in maps and "heif" in maps
later = {"alembic", "boto3", "botocore", "mako", "numpy", "redis", "shapely", "xlsxwriter"}
loaded = {name.split(".")[0] for name in sys.modules} & ({"PIL", "pillow_heif"} | later)
assert not loaded, loaded
assert "PIL" not in open("/proc/self/maps").read()
"""
    photo = tmp_path / "photo"
    photo.write_bytes(jpeg())
    command = [sys.executable, "-c", script, str(photo)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _children(pid: int | None) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _descriptors(pid: int | None) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _resident(pid: int | None) -> int:
    """Return the kilobytes that a process has in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def _until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not found():
        assert time.monotonic() < end
        time.sleep(0.02)
