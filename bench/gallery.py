"""The figures of photos as text."""

from collections.abc import Iterator

from bench.photos import Photos

NOTES = """\
**Photos.** CPU is that of the decoder program and of whoever asks it, from bytes to both copies and
the gist. The floor is a scaled decode and two encodes by the command-line tools of libjpeg-turbo.
Memory is what the process of one file has at most beyond the idle decoder. The search is for one
photo among so many prints, a tenth of them of the same few scenes: the index alone, and with the
comparison of what it finds."""
CPU_GOAL, MEMORY_GOAL, BOUND, SECONDS_GOAL, FOURTH_GOAL, SEARCH_GOAL = 1.7, 40, 400, 10, 15, 5


def text(found: Photos) -> str:
    """Return the tables."""
    return "\n\n".join((NOTES, "\n".join(_files(found)), "\n".join(_aims(found))))


def _files(found: Photos) -> Iterator[str]:
    yield "| a photo | CPU ms | seconds | MB |"
    yield "|---|--:|--:|--:|"
    for one in found.decoded:
        yield f"| {one.name} | {one.cpu_ms:.0f} | {one.seconds:.2f} | {one.memory_mb:.0f} |"


def _aims(found: Photos) -> Iterator[str]:
    yield "| photos | figure | goal |"
    yield "|---|--:|--:|"
    yield f"| CPU of libjpeg-turbo's tools, ms | {found.tools_ms:.0f} | |"
    yield _row("12 Mpx JPEG, × that", found.ratio, CPU_GOAL)
    for one in found.decoded:
        yield _row(f"{one.name}, MB", one.memory_mb, MEMORY_GOAL if one is _first(found) else BOUND)
    yield _row("longest, seconds", max(one.seconds for one in found.decoded), SECONDS_GOAL)
    yield _row("the last of four 50 Mpx HEIC at once, seconds", found.fourth_of_four, FOURTH_GOAL)
    yield f"| uploads of 12 Mpx JPEG a second, four clients | {found.uploads:.1f} | |"
    for kind, times in found.searches.items():
        yield _row(f"{kind}: search by index, median ms", times["index_median_ms"], SEARCH_GOAL)
        yield f"| {kind}: 99 of 100, ms | {times['index_p99_ms']:.1f} | |"
        yield f"| {kind}: with the comparison, median ms | {times['whole_median_ms']:.1f} | |"


def _first(found: Photos) -> object:
    return found.decoded[0]


def _row(name: str, value: float, goal: float) -> str:
    shown = f"{value:.2f}" if value < 10 else f"{value:.0f}"
    return f"| {name} | {shown if value <= goal else f'**{shown} missed**'} | ≤ {goal:g} |"
