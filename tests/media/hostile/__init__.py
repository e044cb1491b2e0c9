"""More than a thousand hostile photos, the same ones each time, and what each may be told.

Nothing here is a recording: every byte is generated, and what is random has a seed.
`python -m tests.media.hostile` shows all of them to the decoder and prints a table.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tests.media.hostile.claims import claims
from tests.media.hostile.codings import codings
from tests.media.hostile.colours import packets, profiles
from tests.media.hostile.companions import hidden
from tests.media.hostile.damage import (
    flips,
    noise_behind_beginnings,
    orientations,
    splices,
    truncations,
)
from tests.media.hostile.heavy import heavy
from tests.media.hostile.pixels import modes
from tests.media.hostile.sizes import bombs, limits
from tests.media.hostile.strangers import misnamed, polyglots, trailers
from tests.media.hostile.verdicts import Hostile

FAMILIES: Final[Mapping[str, Callable[[], Iterable[Hostile]]]] = {
    "bombs": bombs,
    "limits": limits,
    "orientations": orientations,
    "truncations": truncations,
    "noise": noise_behind_beginnings,
    "misnamed": misnamed,
    "polyglots": polyglots,
    "trailers": trailers,
    "claims": claims,
    "profiles": profiles,
    "packets": packets,
    "hidden": hidden,
    "modes": modes,
    "codings": codings,
}

# Of these the suite sends none over HTTP: there are too many, or they take too long.
BESIDE: Final[Mapping[str, Callable[[], Iterable[Hostile]]]] = {
    "flips": flips,
    "splices": splices,
    "heavy": heavy,
}

__all__ = ["BESIDE", "FAMILIES", "Hostile", "flips", "splices"]
