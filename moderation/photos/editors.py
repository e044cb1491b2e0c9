"""Programs that change what a picture shows, by the names that they write into files. Pure.

Not among them: firmware of phones and cameras ("17.5.1", "HDR+ 1.0", "MediaTek Camera
Application"), programs that only move photos, encoders of servers. The first that matches counts.
"""

import re
from typing import Final

EDITORS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"lightroom", "Adobe Lightroom"),
        (r"photoshop|\bpsexpress\b", "Adobe Photoshop"),
        (r"camera raw", "Adobe Camera Raw"),
        (r"\badobe (?:fireworks|express|illustrator|firefly|indesign)", "Adobe"),
        (r"snapseed", "Snapseed"),
        (r"\bgimp\b", "GIMP"),
        (r"pics ?art", "PicsArt"),
        (r"\bvsco", "VSCO"),
        (r"\bcanva\b|可画", "Canva"),
        (r"meitu|美图", "美图秀秀"),
        (r"xing ?tu|醒图|\bhypic\b", "醒图"),
        (r"beauty ?cam|美颜相机", "美颜相机"),
        (r"beauty ?plus", "BeautyPlus"),
        (r"\bfaceu\b|激萌", "Faceu 激萌"),
        (r"\bulike\b|轻颜", "轻颜相机"),
        (r"\bwuta\b|无他相机", "无他相机"),
        (r"^b612\b|\bb612 ?咔叽", "B612 咔叽"),
        (r"face ?app\b", "FaceApp"),
        (r"face ?tune", "Facetune"),
        (r"\bremini\b", "Remini"),
        (r"cap ?cut|剪映|jianying", "剪映"),
        (r"\bin ?shot\b", "InShot"),
        (r"pixelmator", "Pixelmator"),
        (r"photomator", "Photomator"),
        (r"\baffinity (?:photo|designer|publisher)|^affinity", "Affinity Photo"),
        (r"paint\.net", "Paint.NET"),
        (r"paint ?shop", "PaintShop Pro"),
        (r"clip studio", "Clip Studio Paint"),
        (r"^(?:ms |microsoft )?paint\b|画图", "画图 Paint"),
        (r"\bpixlr", "Pixlr"),
        (r"photopea", "Photopea"),
        (r"\bfotor\b", "Fotor"),
        (r"\bpolarr\b|泼辣修图", "泼辣修图 Polarr"),
        (r"\bpicmonkey\b", "PicMonkey"),
        (r"photo ?scape", "PhotoScape"),
        (r"photo ?director", "PhotoDirector"),
        (r"光影魔术手|neo ?imaging", "光影魔术手"),
        (r"\bacdsee", "ACDSee"),
        (r"irfan ?view", "IrfanView"),
        (r"\bxnview", "XnView"),
        (r"\bpicasa\b", "Picasa"),
        (r"capture one", "Capture One"),
        (r"\bdarktable", "darktable"),
        (r"raw ?therapee", "RawTherapee"),
        (r"\bluminar\b", "Luminar"),
        (r"\bdxo\b", "DxO"),
        (r"\btopaz\b", "Topaz"),
        (r"\bkrita\b", "Krita"),
        (r"coreldraw|corel photo", "Corel"),
        (r"photo ?editor\b", "Photo Editor"),
    )
)

# What a remark says of a program; that it merely names one (美图 the place) says nothing.
_CREDIT: Final = re.compile(
    r"\b(?:written|processed|edited|made|created|enhanced) (?:by|with|in|using) "
    r"((?:\S{1,40} ?){1,3})",
    re.IGNORECASE,
)


def named(writer: str | None) -> str | None:
    """Return the editing program that a file names as its writer, as officers know it."""
    found = (name for pattern, name in EDITORS if pattern.search(writer or ""))
    return next(found, None)


def credited(remark: str | None) -> str | None:
    """Return what a remark says the picture was made with, as programs sign."""
    found = _CREDIT.search(remark or "")
    return found and found[1]
