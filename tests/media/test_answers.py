"""What the decoder sends back: taken as it was sent, and no lie believed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from media.answers import read_copies, read_picture, told
from media.errors import DamagedImage
from media.evidence import Claims
from media.files import Copies, Picture

TRUE = Picture(
    "image/jpeg",
    640,
    480,
    b"\xff\xd8\xff1\xff\xd9",
    b"\xff\xd8\xff2\xff\xd9",
    b"g" * 1024,
    Claims(
        captured_at=datetime(2026, 1, 2, tzinfo=UTC),
        latitude=35.4,
        longitude=116.6,
        make="相机",
        orientation=6,
    ),
)


def test_an_answer_arrives_as_it_was_sent() -> None:
    assert read_picture(told(TRUE)) == TRUE
    copies = Copies(TRUE.thumb, TRUE.large)
    assert read_copies(told(copies)) == copies


OFFSET = timezone(timedelta(hours=14))
LIES: dict[str, dict[str, object]] = {
    "type": {"mime_type": "text/html"},
    "size": {"width": 200_000},
    "negative": {"width": -640, "height": -480},
    "gist": {"gist": b"g" * 1023},
    "script": {"thumb": b"<script>"},
    "open": {"large": b"\xff\xd8\xff"},
    "control": {"claims": replace(TRUE.claims, make="a\0b")},
    "long": {"claims": replace(TRUE.claims, model="x" * 65)},
    "text": {"claims": replace(TRUE.claims, latitude="1")},
    "infinite": {"claims": replace(TRUE.claims, latitude=float("nan"))},
    "naive": {"claims": replace(TRUE.claims, captured_at=datetime(2026, 1, 2))},  # noqa: DTZ001
    "object": {"claims": {"make": {}}},
    "half a place": {"claims": replace(TRUE.claims, longitude=None)},
    "no place on earth": {"claims": replace(TRUE.claims, latitude=91.0)},
    "no time of a database": {
        "claims": replace(TRUE.claims, captured_at=datetime(1, 1, 1, tzinfo=OFFSET))
    },
    "no turn": {"claims": replace(TRUE.claims, orientation=9)},
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_a_damaged_photo(name: str) -> None:
    with pytest.raises(DamagedImage):
        read_picture(told(replace(TRUE, **LIES[name])))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"[]\n",
        b"[" * 100_000 + b"\n",
        b"{}\n",
        b'{"refused": "decoder_busy"}\n',
        b'{"refused": ["x"]}\n',
        b"\x80\x04\x95\n",
        told(TRUE)[:-1],
        told(TRUE).replace(b"{", b"{" + b" " * 70_000, 1),
        told(TRUE) + b"x",
        told(TRUE).replace(b'"thumb": 6', b'"thumb": -6'),
        told(TRUE).replace(b'"thumb": 6', b'"thumb": true'),
        told(TRUE).replace(b'"width": 640', b'"width": 1e999'),
    ],
)
def test_what_is_no_answer_is_a_damaged_photo(answer: bytes) -> None:
    with pytest.raises(DamagedImage):
        read_picture(answer)
