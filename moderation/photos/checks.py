"""What a photo says against the report it came with. Pure.

It informs the officer and never accuses: mini-programs strip what files say of themselves, phones
write some of it wrongly, and a file can be made to say anything. So what is missing is `unknown` or
null and gives no note, and a note says what the file says, not what its owner did. No uploader
ever sees an answer: it would be a manual for fraud.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any, Final

from citizen import geo
from citizen.geo import Crs, Point
from moderation.photos import editors

NEAR_M: Final = 200  # one photographs across a river, and phones are 50 m off between houses
MOST_ACCURACY_M: Final = 1_000  # a report that is vaguer than this shows no photo to be near
SHIFT_M: Final = 60  # how well a distance must fit the shift between two coordinate systems
LONGEST_SHIFT_M: Final = 2_000  # WGS-84 and BD-09 lie 1.3 km apart at most
OLD: Final = timedelta(days=3)  # before the time that the resident names
SKEW: Final = timedelta(minutes=5)  # between a phone's clock and the server's
REWRITTEN: Final = timedelta(minutes=2)  # phones write a photo's file for some seconds
ZONE_STEP: Final = timedelta(minutes=30)  # what zones differ by, nearly everywhere

SCREEN_RATIOS: Final = (16 / 9 - 0.01, 21.5 / 9 + 0.01)  # long side by short side
NARROWEST_SCREEN: Final = 480  # pixels; what is smaller is an icon or a banner
PHOTO_TYPES: Final = frozenset({"image/jpeg", "image/heic", "image/heif"})  # cameras write no other

_SCREENSHOT: Final = re.compile(
    r"screen[ _-]?(?:shot|capture)|截屏|截图|截圖|屏幕快照|螢幕擷取|snipaste", re.IGNORECASE
)
_NAMES: Final = {Crs.WGS84: "WGS-84", Crs.GCJ02: "GCJ-02", Crs.BD09: "BD-09"}


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """A photo as it was received, and what its file claims; the point is WGS-84."""

    media: str
    received_at: datetime
    file_name: str = ""
    mime_type: str = "image/jpeg"
    width: int = 0
    height: int = 0
    captured_at: datetime | None = None
    zone_assumed: bool = False
    modified_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    make: str | None = None
    model: str | None = None
    software: str | None = None
    creator_tool: str | None = None
    remark: str | None = None

    @property
    def device(self) -> str | None:
        """Maker and model as one line."""
        return " ".join(part for part in (self.make, self.model) if part) or None


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What the resident said; `point` is WGS-84, `crs` what it was declared in."""

    point: Point
    submitted_at: datetime
    occurred_at: datetime | None = None
    accuracy_m: float | None = None
    crs: Crs = Crs.WGS84


def check(photo: PhotoFacts, report: ReportFacts) -> dict[str, Any]:
    """Return one photo's entry of a case's `checks.photos`, in plain values."""
    distance = _distance_m(photo, report)
    place, time = _place(distance, report), _time(photo, report)
    program, screenshot = _program(photo), _screenshot(photo)
    notes = (
        *_place_notes(photo, report, distance, place),
        *_time_notes(photo, report, time),
        *_edit_notes(photo, program),
        *_screenshot_notes(photo, screenshot=screenshot),
    )
    return {
        "media": photo.media,
        "distance_m": None if distance is None else math.ceil(distance),
        "minutes_before_report": _minutes_before(photo, report),
        "device": photo.device,
        "place": place,
        "time": time,
        "zone_assumed": photo.captured_at is not None and photo.zone_assumed,
        "edited": {"hint": _edited(photo, program), "by": program},
        "screenshot": screenshot,
        "notes": list(notes),
    }


def _distance_m(photo: PhotoFacts, report: ReportFacts) -> float | None:
    if photo.latitude is None or photo.longitude is None:
        return None
    return geo.distance_m(Point(photo.longitude, photo.latitude), report.point)


def _place(distance: float | None, report: ReportFacts) -> str:
    """Near within the tolerance; within a vague report's accuracy neither near nor far."""
    accuracy = report.accuracy_m or 0
    if distance is None:
        return "unknown"
    if distance <= NEAR_M + min(accuracy, MOST_ACCURACY_M):
        return "near"
    return "unknown" if distance <= NEAR_M + accuracy else "far"


def _place_notes(
    photo: PhotoFacts, report: ReportFacts, distance: float | None, place: str
) -> Iterator[str]:
    if distance is None or distance <= NEAR_M:
        return
    if place == "far":
        yield f"照片自述拍摄点距上报点 {_metres(distance)}"
    if _fits_a_shift(photo, report.point, distance):
        yield f"两点相距约等于坐标系偏移，可能是坐标系标错（上报标注 {_NAMES[report.crs]}）"


def _fits_a_shift(photo: PhotoFacts, point: Point, distance: float) -> bool:
    """Whether the photo lies where the report would, had one of two systems' names been wrong."""
    if photo.latitude is None or photo.longitude is None or distance > LONGEST_SHIFT_M:
        return False
    claimed = Point(photo.longitude, photo.latitude)
    shifted = (
        geo.to_wgs84(geo.from_wgs84(point, one), other) for one, other in permutations(Crs, 2)
    )
    return any(geo.distance_m(claimed, candidate) <= SHIFT_M for candidate in shifted)


def _minutes_before(photo: PhotoFacts, report: ReportFacts) -> int | None:
    if photo.captured_at is None:
        return None
    return int((report.submitted_at - photo.captured_at).total_seconds() // 60)


def _time(photo: PhotoFacts, report: ReportFacts) -> str:
    """In the future of its own receipt, as a supplement's photo is younger than its report."""
    if photo.captured_at is None:
        return "unknown"
    if photo.captured_at > photo.received_at + SKEW:
        return "future"
    named = min(report.occurred_at or report.submitted_at, report.submitted_at)
    return "old" if photo.captured_at < named - OLD else "plausible"


def _time_notes(photo: PhotoFacts, report: ReportFacts, time: str) -> Iterator[str]:
    if photo.captured_at is None:
        return
    assumed = "（文件未写时区，按北京时间计）" if photo.zone_assumed else ""
    if time == "future":
        yield f"照片自述拍摄时间晚于上传 {_span(photo.captured_at - photo.received_at)}{assumed}"
    if time == "old":
        yield f"拍摄时间早于上报 {_span(report.submitted_at - photo.captured_at)}{assumed}"


def _program(photo: PhotoFacts) -> str | None:
    """The first editing program that the file names as its writer."""
    writers = (photo.software, photo.creator_tool, editors.credited(photo.remark))
    return next((name for name in map(editors.named, writers) if name), None)


def _edited(photo: PhotoFacts, program: str | None) -> bool | None:
    """True if an editing program names itself, false if a device does and nothing else wrote later.

    A file that was written again some time after the shot is null with a note, not true: phones
    write it again when its owner turns the photo, and gallery programs when they move it.
    """
    if program is not None:
        return True
    return False if photo.device and _rewritten(photo) is None else None


def _rewritten(photo: PhotoFacts) -> timedelta | None:
    """How long after the shot the file was written again; None when it wasn't, or may not be.

    Where the zone is a guess, whole half hours are what the guess may be wrong by.
    """
    if photo.captured_at is None or photo.modified_at is None:
        return None
    later = photo.modified_at - photo.captured_at
    beside = min(later % ZONE_STEP, -later % ZONE_STEP)
    if later <= REWRITTEN or (photo.zone_assumed and beside <= REWRITTEN and later.days < 1):
        return None
    return later


def _edit_notes(photo: PhotoFacts, program: str | None) -> Iterator[str]:
    later = _rewritten(photo)
    if program is not None:
        yield f"文件由 {program} 写过"
    elif later is not None:
        yield f"文件在拍摄 {_span(later)}后又写过一次，可能只是旋转或转存"


def _screenshot(photo: PhotoFacts) -> bool | None:
    if _says_screenshot(photo) or _looks_like_a_screen(photo):
        return True
    return False if photo.device and photo.mime_type in PHOTO_TYPES else None


def _says_screenshot(photo: PhotoFacts) -> bool:
    texts = (photo.remark, photo.file_name, photo.software, photo.creator_tool)
    return any(_SCREENSHOT.search(text) for text in texts if text)


def _looks_like_a_screen(photo: PhotoFacts) -> bool:
    """A PNG that names no device, as wide and as high as phones' screens: cameras write no PNG."""
    short, long = sorted((photo.width, photo.height))
    if photo.mime_type != "image/png" or photo.device or short < NARROWEST_SCREEN:
        return False
    narrowest, longest = SCREEN_RATIOS
    return narrowest <= long / short <= longest


def _screenshot_notes(photo: PhotoFacts, *, screenshot: bool | None) -> Iterator[str]:
    if screenshot:
        said = "文件名或备注写明是截屏" if _says_screenshot(photo) else None
        yield said or "PNG 文件，长宽比同手机屏幕，可能是截屏"


def _metres(distance: float) -> str:
    return f"{math.ceil(distance)} 米" if distance < 1_000 else f"{distance / 1_000:.1f} 公里"


def _span(length: timedelta) -> str:
    """A length of time in the largest unit that officers count it in, rounded down."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 2 * 60:
        return f"{minutes} 分钟"
    return f"{minutes // 60} 小时" if minutes < 48 * 60 else f"{minutes // (24 * 60)} 天"
