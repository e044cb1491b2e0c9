"""Places to decode: two on a machine, whatever folder its processes have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from media import slots
from media.errors import DecoderBusy
from media.slots import slot
from tests.media.pictures import jpeg
from tests.media.test_decoding import PROJECT, SERVER, TINY, seen


def _most_at_once(tmp_path: Path, slots: bool) -> int:
    """How many of six photos, from two processes, are decoded at the same time."""
    log = tmp_path / "log"
    log.touch()
    deed = (
        f"log = open({str(log)!r}, 'a'); log.write('+'); log.flush(); "
        "time.sleep(0.3); log.write('-'); log.flush()"
    )
    (tmp_path / "photo").write_bytes(TINY)
    script = SERVER.replace(
        'decoding.examine(open(sys.argv[3], "rb"))',
        "import threading\n"
        "every = [threading.Thread(target=lambda: decoding.examine(open(sys.argv[3], 'rb')))"
        " for _ in range(3)]\n"
        "[one.start() for one in every]\n[one.join() for one in every]",
    )
    if not slots:
        script = script.replace(
            "from tests", "from media import slots\nslots.SLOTS = 6\nfrom tests", 1
        )
    arguments = [sys.executable, "-c", script, str(tmp_path), deed, str(tmp_path / "photo")]
    servers = [
        subprocess.Popen(arguments, stdout=subprocess.DEVNULL, cwd=PROJECT) for _ in range(2)
    ]
    assert [server.wait(30) for server in servers] == [0, 0]
    running = most = 0
    for mark in log.read_text():
        running += 1 if mark == "+" else -1
        most = max(most, running)
    assert log.read_text().count("+") == 6
    return most


def test_two_are_decoded_at_once_on_the_machine_and_no_more(tmp_path: Path) -> None:
    assert _most_at_once(tmp_path, slots=True) == 2


def test_without_the_slots_more_are_decoded_at_once(tmp_path: Path) -> None:
    assert _most_at_once(tmp_path, slots=False) > 2


def test_whoever_waits_too_long_is_told_to_come_back(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "LONGEST_WAIT", 0.1)
    folder = app.extensions["settings"].instance
    with slot(folder), slot(folder), app.app_context():
        with pytest.raises(DecoderBusy) as caught:
            seen(jpeg())
        assert caught.value.retry_after is not None
    with app.app_context():
        assert seen(jpeg()).width == 640


def test_locks_of_another_user_are_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They can't be opened: here because they are folders, so that root can't either."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "instance" / "decoder-0.lock").mkdir(parents=True)
    with slot(tmp_path / "instance"):
        assert [path.name for path in (tmp_path / f"decoders-{os.geteuid()}").iterdir()] == [
            "decoder-0.lock"
        ]


def test_a_server_that_can_write_nowhere_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-file").write_bytes(b"")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a-file"))
    with pytest.raises(DecoderBusy), slot(tmp_path / "a-file" / "below"):
        pass
    with pytest.raises(DecoderBusy), slot(tmp_path / "a-file" / "below"):
        pass


def test_a_folder_that_somebody_else_made_in_our_name_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "a-file").write_bytes(b"")
    (tmp_path / f"decoders-{os.geteuid() + 1}").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(DecoderBusy), slot(tmp_path / "a-file" / "below"):
        pass


@pytest.mark.parametrize("folder", ["not-there/at-all", "a-file/below-it"])
def test_a_server_without_a_folder_of_its_own_decodes_all_the_same(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, photos and secrets may all be elsewhere."""
    (tmp_path / "a-file").write_bytes(b"")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with slot(tmp_path / folder):
        made = {path.name for path in tmp_path.rglob("*.lock")}
    assert made == {"decoder-0.lock"}
