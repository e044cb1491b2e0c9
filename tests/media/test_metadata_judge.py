"""No secret that a file can carry leaves with a copy, a log line or an answer; exiftool judges.

test_secrets.py looks at single copies. Here every place of every format is planted, the photos go
through HTTP into a report, and the outside judge lists all that it finds in the copies of every
file that is accepted: the generated campaign, the planted ones, and the real ones.
"""

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from sqlalchemy import text as sql
from sqlalchemy import update

from core import logs
from core.database import db, writing
from media import service
from media.files import Box
from media.models import Photo, PhotoDecision
from tests.clients import Api
from tests.media import canaries, hostile
from tests.media.hostile.looking import BARE, anatomy, blackened, has_magenta, verdict, verdicts
from tests.media.hostile.verdicts import ACCEPTED
from tests.media.pictures import jpeg, opened

Signed = Callable[[str], Api]
RESIDENT, OTHER = "13800000001", "13800000002"
FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
VARIANTS = ("thumb", "large", "redacted-thumb", "redacted-large")
STRUCTURE = frozenset(
    {
        *("SourceFile", "ExifTool:ExifToolVersion", "ExifTool:Validate", "File:FileName"),
        *("File:Directory", "File:FileSize", "File:FileModifyDate", "File:FileAccessDate"),
        *("File:FileInodeChangeDate", "File:FilePermissions", "File:FileType"),
        *("File:FileTypeExtension", "File:MIMEType", "File:ImageWidth", "File:ImageHeight"),
        *("File:EncodingProcess", "File:BitsPerSample", "File:ColorComponents"),
        *("File:YCbCrSubSampling", "JFIF:JFIFVersion", "JFIF:ResolutionUnit"),
        *("JFIF:XResolution", "JFIF:YResolution", "Composite:ImageSize", "Composite:Megapixels"),
    }
)
JUDGE = ("-json", "-G0", "-a", "-u", "-U", "-ee", "-all", "-validate", "-r", "-ext", "*")
DRESSED = [pytest.param(made, id=made.name) for made in canaries.all_dressed()]


def copies_of(data: bytes) -> list[bytes]:
    """Thumb and large of an accepted file; nothing of a refused one."""
    _, picture = verdict(data)
    return [] if picture is None else [picture.thumb, picture.large]


def all_copies_of(data: bytes) -> list[bytes]:
    """Those, and the redacted ones."""
    redacted = blackened(data, Box(10, 10, 50, 40), Box(300, 200, 80, 60))
    return [*copies_of(data), redacted.thumb, redacted.large]


# ---------------------------------------------------------------------------------- the planted


@pytest.mark.parametrize("made", DRESSED)
def test_every_secret_is_there_to_be_found(made: canaries.Dressed) -> None:
    assert made.missing() == []
    assert len(set(made.spots)) > 50
    assert verdict(made.data)[0] == "accepted"


@pytest.mark.parametrize("made", DRESSED)
def test_no_copy_repeats_a_secret_or_shows_the_hidden_picture(made: canaries.Dressed) -> None:
    copies = all_copies_of(made.data)
    assert len(set(copies)) == 4
    for copy in copies:
        assert canaries.leaks(copy) == []
        assert set(anatomy(copy)) <= BARE
        assert not has_magenta(opened(copy))


def test_a_leak_would_be_seen_in_any_coding() -> None:
    told = canaries.secret("x")
    for coding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"):
        assert canaries.leaks(told.encode(coding))
    assert canaries.leaks(jpeg(comment=told))
    assert canaries.leaks(jpeg()) == []


# ---------------------------------------------------------------------------------- the judge


@pytest.fixture(scope="module")
def judge() -> Callable[[Path], list[dict[str, Any]]]:
    """All tags of all files of a folder, in one process."""
    tool = shutil.which("exiftool")
    if tool is None:
        pytest.skip("exiftool is not installed")

    def judged(folder: Path) -> list[dict[str, Any]]:
        command = [tool, *JUDGE, "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        found: list[dict[str, Any]] = json.loads(done.stdout or b"[]")
        return found

    return judged


def accepted() -> Iterator[tuple[str, list[bytes]]]:
    """The copies of every accepted file, by the file's name."""
    for family, make in hostile.FAMILIES.items():
        for file, _, picture in verdicts([file for file in make() if ACCEPTED in file.may]):
            copies = [] if picture is None else [picture.thumb, picture.large]
            yield f"{family}-{file.name}", copies
    for made in canaries.all_dressed():
        yield f"planted-{made.name}", all_copies_of(made.data)


def real() -> Iterator[tuple[str, list[bytes]]]:
    with (FOLDER / "INDEX.tsv").open(newline="") as index:
        for row in csv.DictReader(index, delimiter="\t"):
            yield f"real-{row['file']}", copies_of((FOLDER / row["file"]).read_bytes())


def laid_out(files: Iterator[tuple[str, list[bytes]]], folder: Path) -> int:
    """Write each copy that differs from all others into the folder, and count all of them.

    The judge does not tell of bytes behind the end; that there are none is seen here.
    """
    seen: set[bytes] = set()
    count = 0
    for at, (name, copies) in enumerate(files):
        count += len(copies)
        for variant, copy in zip(VARIANTS, copies, strict=False):
            if copy not in seen:
                markers = anatomy(copy)
                assert set(markers) <= BARE, name
                assert markers.count(0xD8) == markers.count(0xD9) == 1, name
                safe = "".join(mark if mark.isascii() and mark.isalnum() else "-" for mark in name)
                (folder / f"{at}-{safe}-{variant}.jpg").write_bytes(copy)
            seen.add(copy)
    return count


def strange(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the judge found in a file beside the structure of a plain JPEG."""
    beyond = {
        one["SourceFile"]: {name: one[name] for name in set(one) - STRUCTURE} for one in found
    }
    complaints = {name: tags for name, tags in beyond.items() if tags}
    unsound = {
        one["SourceFile"]: {"Validate": one.get("ExifTool:Validate")}
        for one in found
        if one.get("ExifTool:Validate") != "OK" or one.get("File:FileType") != "JPEG"
    }
    return unsound | complaints


def test_the_outside_judge_finds_nothing_in_any_copy_of_the_campaign(
    judge: Callable[[Path], list[dict[str, Any]]], tmp_path: Path
) -> None:
    made = laid_out(accepted(), tmp_path)
    found = judge(tmp_path)
    assert made > 900
    assert len(found) == len(list(tmp_path.iterdir()))
    assert strange(found) == {}


@pytest.mark.skipif(
    not (FOLDER / "INDEX.tsv").exists(),
    reason="the collection of real photos is not beside the project",
)
def test_the_outside_judge_finds_nothing_in_any_copy_of_a_real_photo(
    judge: Callable[[Path], list[dict[str, Any]]], tmp_path: Path
) -> None:
    made = laid_out(real(), tmp_path)
    found = judge(tmp_path)
    assert made > 120
    assert len(found) == len(list(tmp_path.iterdir()))
    assert strange(found) == {}


def test_the_outside_judge_does_see_what_an_original_holds(
    judge: Callable[[Path], list[dict[str, Any]]], tmp_path: Path
) -> None:
    """The control: without it, a judge that reads nothing would find everything in order."""
    for made in canaries.all_dressed():
        (tmp_path / made.name).write_bytes(made.data)
    (tmp_path / "comment").write_bytes(jpeg(comment="told"))
    (tmp_path / "clean").write_bytes(jpeg())
    found = strange(judge(tmp_path))
    assert set(found) == {f"./{path.name}" for path in tmp_path.iterdir()} - {"./clean"}
    assert all(canaries.leaks(json.dumps(tags, ensure_ascii=False).encode()) for tags in (
        found["./jpeg"], found["./png"], found["./webp"], found["./heic"]
    ))  # fmt: skip


# ---------------------------------------------------------------------------------- over HTTP


@pytest.fixture
def lines(app: Flask) -> Iterator[list[str]]:
    """All that the logs would print, rendered."""
    kept: list[str] = []

    class Sink:
        def msg(self, message: str) -> None:
            kept.append(message)

        debug = info = warning = error = critical = exception = msg

    logs.configure("DEBUG")
    structlog.configure(logger_factory=lambda *_: Sink())
    yield kept
    logs.configure("WARNING")


def uploaded(api: Api, made: canaries.Dressed) -> dict[str, Any]:
    name = f"CANARY-name {canaries.NAME} {canaries.PHONE}.jpg"
    form = {"file": (io.BytesIO(made.data), name)}
    answer = api.call("POST", "/media", data=form)
    assert answer.status_code == 201, made.name
    body: dict[str, Any] = answer.get_json()
    return body


def publish(app: Flask, public_ids: list[str]) -> None:
    """Show them to everybody, as a decision and a content check that it passed would."""
    values: dict[str, object] = {"decision": PhotoDecision.PUBLISHED}
    if hasattr(Photo, "content"):
        from media.states import ContentState

        values["content"] = ContentState.PASSED
    with app.app_context(), writing() as session:
        session.execute(update(Photo).where(Photo.public_id.in_(public_ids)).values(**values))


def answers_to_outsiders(app: Flask, api: Signed, number: str, ids: list[str]) -> Iterator[bytes]:
    """All that the owner, another resident, a partner and nobody are told of report and photos."""
    for path in (f"/reports/{number}", "/me/reports", "/me/points", "/me/points/entries"):
        yield api(RESIDENT).get(path).get_data()
    publish(app, ids)
    for name in (RESIDENT, OTHER, "bus", ""):
        client = api(name)
        yield client.get(f"/reports/{number}").get_data()
        yield client.get(f"/cases/{number}").get_data()
        for public_id in ids:
            for variant in ("thumb", "large", "original"):
                answer = client.get(f"/media/{public_id}/{variant}")
                assert answer.status_code == (404 if variant == "original" else 200)
                yield answer.get_data() + str(answer.headers).encode()


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_no_answer_and_no_log_line_repeats_what_a_photo_carries(
    app: Flask, api: Signed, lines: list[str]
) -> None:
    told = [uploaded(api(RESIDENT), made) for made in canaries.all_dressed()]
    for body in told:
        claimed = body.pop("location")
        assert claimed["latitude"] == pytest.approx(canaries.LATITUDE)
        assert canaries.leaks(json.dumps(body, ensure_ascii=False).encode()) == []
    ids = [body["id"] for body in told]
    report = api(RESIDENT).report(media=ids)
    assert canaries.leaks(json.dumps(report, ensure_ascii=False).encode()) == []
    for answer in answers_to_outsiders(app, api, report["number"], ids):
        assert canaries.leaks(answer) == []
    assert any('"event": "request"' in line for line in lines)
    with app.app_context():
        rows = db.session.execute(sql("SELECT action, subject_id, details FROM audit_events"))
        lines += [str(row) for row in rows]
    assert not [line for line in lines if canaries.leaks(line.encode())]


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_no_refusal_and_no_log_line_repeats_what_a_damaged_photo_carries(
    app: Flask, api: Signed, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "check_room", lambda *_args: None)
    for made in canaries.all_dressed():
        pixels = 0.98 if made.name.startswith("jpeg") or made.name == "mpo" else 0.9
        for data in (made.data[: int(len(made.data) * share)] for share in (0.1, 0.5, pixels)):
            form = {"file": (io.BytesIO(data), f"{canaries.secret('name')}.jpg")}
            answer = api(RESIDENT).call("POST", "/media", data=form)
            if answer.status_code >= 400:
                assert answer.status_code == 422
                assert canaries.leaks(answer.get_data()) == []
    assert not [line for line in lines if canaries.leaks(line.encode())]
