"""Hostile photos over HTTP: each is told what it must be told, and the refused leave nothing.

The whole campaign runs on SQLite, a sample of it on PostgreSQL. `python -m tests.media.hostile`
prints verdicts, seconds and memory; here the suite only says whether all of them are right.
"""

import csv
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from core.database import reading
from media import decoder, service
from media.models import Photo
from tests.clients import Api
from tests.media import hostile as campaign
from tests.media.hostile.looking import (
    BARE,
    anatomy,
    complaints,
    has_magenta,
    verdict,
    verdicts,
    wrong_about,
    wrong_with,
)
from tests.media.hostile.sound import PICTURE, seeds
from tests.media.hostile.verdicts import ACCEPTED, EITHER, FLIPS, REFUSALS, STATUS, UPRIGHT, Hostile
from tests.media.pictures import jpeg, mpo, opened

Signed = Callable[[str], Api]
RESIDENT = "13800000001"
PROJECT = Path(__file__).resolve().parents[2]
INDEX = PROJECT.parent / "shared" / "data" / "photos" / "INDEX.tsv"
LIMITS = {"thumb": 400, "large": 1600}
FLIPS_IN_TURN = 500


@pytest.fixture(autouse=True)
def _no_daily_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One resident sends all of them on one day."""
    monkeypatch.setattr(service, "check_room", lambda *_args: None)


def told(api: Api, file: Hostile) -> TestResponse:
    """Send it as a client would: the name and the type are the file's own claims."""
    head = (
        '--edge\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{file.sent_as}"\r\nContent-Type: {file.declared}\r\n\r\n'
    )
    body = head.encode() + file.data + b"\r\n--edge--\r\n"
    kind = "multipart/form-data; boundary=edge"
    return api.call("POST", "/media", data=body, content_type=kind)


def wrong_answers(api: Api, files: Iterator[Hostile], ids: set[str]) -> Iterator[str]:
    """What is wrong with the answers; adds the ids of accepted photos to `ids`."""
    for file in files:
        try:
            answer = told(api, file)
        except Exception as error:  # noqa: BLE001, over a socket it would be a 500
            yield f"{file.name}: {error!r}"
            continue
        body = answer.get_json()
        found = ACCEPTED if answer.status_code in {200, 201} else str(body["code"])
        if found not in file.may:
            yield f"{file.name}: {found}, not {sorted(file.may)}"
        elif found != ACCEPTED and answer.status_code != STATUS[found]:
            yield f"{file.name}: {found} is {answer.status_code}"
        if found == ACCEPTED:
            ids.add(body["id"])
            yield from (f"{file.name}: {wrong}" for wrong in wrong_photo(api, file, body))


def wrong_photo(api: Api, file: Hostile, body: dict[str, object]) -> Iterator[str]:
    if file.mime not in {None, body["mime_type"]}:
        yield f"taken for {body['mime_type']}"
    links = body["variants"]
    assert isinstance(links, dict)
    for variant, limit in LIMITS.items():
        copy = Api(api.app).get(links[variant])
        if copy.status_code != 200 or copy.content_type != "image/jpeg":
            yield f"{variant} is {copy.status_code} {copy.content_type}"
        else:
            yield from wrong_with(copy.get_data(), limit, file)


def check(app: Flask, api: Api, files: Iterator[Hostile]) -> None:
    """All are judged rightly, nothing of the refused is kept, and the next photo goes through."""
    ids: set[str] = set()
    assert list(wrong_answers(api, files, ids)) == []
    with app.app_context(), reading() as session:
        assert set(session.scalars(select(Photo.public_id))) == ids
        stored = len(list(app.extensions["photo_store"].objects()))
    assert stored == 3 * len(ids), "each accepted photo has its three objects, a refused one none"
    assert api.get("/healthz").status_code == 200
    assert api.upload(jpeg(comment="and the next one"))


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@pytest.mark.parametrize("family", campaign.FAMILIES)
def test_every_hostile_file_is_told_the_truth_and_the_refused_leave_nothing(
    app: Flask, api: Signed, family: str
) -> None:
    check(app, api(RESIDENT), iter(campaign.FAMILIES[family]()))


@pytest.mark.parametrize("world", ["postgresql"], indirect=True)
def test_a_sample_of_all_is_judged_alike_on_the_other_database(app: Flask, api: Signed) -> None:
    """Every twentieth of those that take no time."""
    cheap = (name for name in campaign.FAMILIES if name not in {"limits", "bombs"})
    files = itertools.chain.from_iterable(campaign.FAMILIES[name]() for name in cheap)
    check(app, api(RESIDENT), itertools.islice(files, 0, None, 20))


@pytest.mark.skipif(
    not INDEX.exists(), reason="the collection of real photos is not beside the project"
)
@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_every_real_photo_is_told_what_its_index_says(app: Flask, api: Signed) -> None:
    check(app, api(RESIDENT), real())


def real() -> Iterator[Hostile]:
    """The collection as files with verdicts, under the names and types that it says to send."""
    right = {"accept": {ACCEPTED}, "reject": REFUSALS, "either": EITHER}
    with INDEX.open(newline="") as index:
        for row in csv.DictReader(index, delimiter="\t"):
            name, _, kind = (row["upload_as"] or row["file"]).rpartition(" image/")
            data = (INDEX.parent / row["file"]).read_bytes()
            may = frozenset(right[row["expected"]])
            yield Hostile(row["file"], data, may, name or kind, f"image/{kind}" if name else "")


@pytest.mark.parametrize("start", range(0, FLIPS, FLIPS_IN_TURN))
def test_flipped_bits_give_a_sane_picture_or_a_named_refusal(start: int) -> None:
    files = list(itertools.islice(campaign.flips(), start, start + FLIPS_IN_TURN))
    assert len({file.name for file in files}) == FLIPS_IN_TURN
    assert complained_of(files) == {}


def test_spliced_files_give_a_sane_picture_or_a_named_refusal() -> None:
    assert complained_of(list(campaign.splices())) == {}


def complained_of(files: Sequence[Hostile]) -> dict[str, list[str]]:
    told = {file.name: wrong_about(file, *found) for file, *found in verdicts(files)}
    assert len(told) == len(files)
    return {name: wrong for name, wrong in told.items() if wrong}


def test_of_many_at_once_each_is_told_what_it_is_told_alone() -> None:
    files = [*itertools.islice(campaign.flips(), 0, None, 50), *campaign.FAMILIES["noise"]()]
    files = [*files, *itertools.islice(campaign.splices(), 0, None, 25)]
    assert [found for _, *found in verdicts(files)] == [[*verdict(file.data)] for file in files]


def test_a_file_that_ends_the_child_of_many_is_shown_to_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [Hostile(str(at), jpeg(comment=str(at)), frozenset({ACCEPTED})) for at in range(9)]
    answered = decoder.answered

    def planted(stream: BytesIO, boxes: None) -> bytes:
        if stream.getvalue() in {files[0].data, files[4].data, files[5].data}:
            os.kill(os.getpid(), signal.SIGKILL)
        return answered(stream, boxes)

    monkeypatch.setattr(decoder, "answered", planted)
    told = list(verdicts(files))
    assert [file for file, *_ in told] == files
    assert {found for _, found, _ in told} == {ACCEPTED}


def test_bombs_take_little_memory_and_no_file_too_much_memory_or_time() -> None:
    """In a process of its own, each file in a child of that: 50 MiB a bomb, 400 MiB any other."""
    command = [sys.executable, "-m", "tests.media.hostile", "bombs", "limits"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, check=False, text=True)
    assert (done.returncode, "WRONG" in done.stdout) == (0, False), done.stdout + done.stderr


def test_the_campaign_is_a_thousand_files_and_the_same_each_time() -> None:
    """Each name stands once, and of most files only one verdict is right."""
    count = open_to_both = 0
    for family, make in campaign.FAMILIES.items():
        first = list(make())
        assert first == list(make()), family
        assert len({file.name for file in first}) == len(first), family
        count += len(first)
        open_to_both += sum(file.may == set(EITHER) for file in first)
    assert count > 1000
    assert open_to_both < 150
    assert list(campaign.flips(50)) == list(campaign.flips(50))
    assert list(campaign.splices(50)) == list(campaign.splices(50))


# The judges themselves: each must cry when there is something to cry about.


def test_a_wrong_verdict_is_complained_of() -> None:
    assert complaints(Hostile("sound", jpeg(), frozenset({"damaged_image"})))
    assert complaints(Hostile("broken", jpeg()[:99], frozenset({ACCEPTED})))
    assert complaints(Hostile("sound", jpeg(), frozenset({ACCEPTED}))) == []


def test_a_copy_that_shows_or_holds_too_much_is_complained_of() -> None:
    sound = Hostile("", b"", frozenset(), corners=UPRIGHT, absent=(b"secret",))
    clean = jpeg(PICTURE)
    assert list(wrong_with(clean, 400, sound)) == []
    for copy, limit in (
        (jpeg(PICTURE, comment="secret"), 400),
        (jpeg(PICTURE, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"), 400),
        (jpeg(PICTURE.rotate(180)), 400),
        (jpeg(PICTURE), 50),
        (jpeg(PICTURE.convert("CMYK")), 400),
        (mpo([PICTURE, PICTURE]), 400),
    ):
        assert list(wrong_with(copy, limit, sound))


def test_magenta_is_seen_wherever_it_stands() -> None:
    assert not has_magenta(PICTURE)
    spotted = PICTURE.copy()
    spotted.paste((255, 0, 255), (40, 30, 48, 38))
    assert has_magenta(opened(jpeg(spotted)))


def test_bytes_behind_the_end_are_no_part_of_a_picture() -> None:
    assert set(anatomy(jpeg())) <= BARE
    for behind in (b"\0", jpeg(), b"\xff"):
        try:
            markers = anatomy(jpeg() + behind)
        except (AssertionError, IndexError):
            continue
        assert markers.count(0xD9) > 1


def test_every_seed_is_sound_before_it_is_broken() -> None:
    for name, whole in seeds().items():
        assert complaints(Hostile(name, whole, frozenset({ACCEPTED}))) == []
