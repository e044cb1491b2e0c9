"""What an XMP packet says, found by pattern in packets that are sound, odd or hostile."""

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media import packets
from media.packets import COMMENT, CREATOR_TOOL, LATITUDE, LONGITUDE, MODIFIED, ORIGINAL

IOS_SCREENSHOT = """
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 6.0.0">
   <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description rdf:about=""
            xmlns:exif="http://ns.adobe.com/exif/1.0/"
            xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">
         <exif:PixelXDimension>1170</exif:PixelXDimension>
         <exif:UserComment>
            <rdf:Alt>
               <rdf:li xml:lang="x-default">Screenshot</rdf:li>
            </rdf:Alt>
         </exif:UserComment>
         <photoshop:DateCreated>2026-03-01T07:30:00</photoshop:DateCreated>
      </rdf:Description>
   </rdf:RDF>
</x:xmpmeta>
"""


def described(inside: str) -> str:
    return f'<?xpacket begin=""?><x:xmpmeta><rdf:Description {inside}</rdf:Description>'


def tool(packet: str) -> str | None:
    return packets.properties(packet.encode()).get(CREATOR_TOOL)


def test_a_screenshot_of_an_iphone_says_so() -> None:
    assert packets.properties(IOS_SCREENSHOT.encode()) == {
        COMMENT: "Screenshot",
        packets.CREATED: "2026-03-01T07:30:00",
    }


@pytest.mark.parametrize(
    "inside",
    [
        'xmp:CreatorTool="GIMP"/>',
        "\txmp:CreatorTool = 'GIMP'/>",
        '\n   xap:CreatorTool="GIMP"/>',
        "><xmp:CreatorTool>GIMP</xmp:CreatorTool>",
        "><xap:CreatorTool> GIMP\n</xap:CreatorTool>",
        '><xmp:CreatorTool xml:lang="en">GIMP</xmp:CreatorTool>',
        "><xmp:CreatorTool/><xmp:CreatorTool>GIMP</xmp:CreatorTool>",
        'xmp:CreatorTool=""><xmp:CreatorTool>GIMP</xmp:CreatorTool>',
        "><xmp:CreatorTool ></xmp:CreatorTool><xmp:CreatorTool>GIMP</xmp:CreatorTool>",
        'xmp:CreatorToolbox="Paint" xmp:CreatorTool="GIMP"/>',
        'myxmp:CreatorTool="Paint" xmp:CreatorTool="GIMP"/>',
        "><xmp:CreatorTool><rdf:Seq><rdf:li>GIMP</rdf:li><rdf:li>B</rdf:li></rdf:Seq>",
    ],
)
def test_a_property_is_read_as_an_attribute_and_as_an_element(inside: str) -> None:
    assert tool(described(inside)) == "GIMP"


@pytest.mark.parametrize(
    "inside",
    [
        "/>",
        "xmp:CreatorTool/>",
        "xmp:CreatorTool=GIMP/>",
        'xmp:CreatorTool="GIMP',
        'xmp:CreatorTool="   "/>',
        "><xmp:CreatorTool>GIMP<br>",
        "><xmp:CreatorTool />GIMP<",
        "><xmp:CreatorTool><other>GIMP</other></xmp:CreatorTool>",
        'CreatorTool="GIMP"/>',
        f'xmp:CreatorTool="{"x" * 1001}"/>',
        "></xmp:CreatorTool>" * (packets.MOST_TRIES + 1) + '<d xmp:CreatorTool="GIMP"/>',
    ],
)
def test_what_is_no_value_is_nothing(inside: str) -> None:
    assert tool(described(inside)) is None


def test_entities_of_the_language_are_resolved_and_those_of_the_packet_are_not() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file:///etc/x">]>'
    assert tool(bomb + described('xmp:CreatorTool="&b;&f;"/>')) == "&b;&f;"
    assert tool(described('xmp:CreatorTool="A &amp; B &#x7F8E;&#xD800;"/>')) == "A & B 美\ufffd"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
def test_every_encoding_of_the_standard_is_read(encoding: str) -> None:
    packet = described('xmp:CreatorTool="美图秀秀"/>').encode(encoding)
    assert packets.properties(packet) == {CREATOR_TOOL: "美图秀秀"}


def test_bytes_that_are_no_text_leave_the_rest_readable() -> None:
    packet = described('xmp:CreatorTool="\ue000GIMP"/>').encode().replace(b"\xee\x80\x80", b"\xff")
    assert packets.properties(packet) == {CREATOR_TOOL: "GIMP"}


def test_what_lies_beyond_a_megabyte_is_not_read() -> None:
    late = described('xmp:CreatorTool="GIMP"/>')
    assert tool(" " * 1000 + late) == "GIMP"
    assert tool(" " * packets.MOST_BYTES + late) is None


@pytest.mark.parametrize(
    ("written", "name", "angle"),
    [
        ("35,24,54N", LATITUDE, ([35, 24, 54], "N")),
        ("35,24.9n", LATITUDE, ([35, 24.9], "n")),
        ("35.415", LATITUDE, ([35.415], "N")),
        ("-35.415", LATITUDE, ([35.415], "S")),
        ("116.587", LONGITUDE, ([116.587], "E")),
        ("-116.587", LONGITUDE, ([116.587], "W")),
        ("35,24,54", LATITUDE, ([35, 24, 54], None)),
        ("-35,24N", LATITUDE, ([35, 24], None)),
        ("35,,54N", LATITUDE, ([], None)),
        ("somewhere", LATITUDE, ([], None)),
    ],
)
def test_an_angle_is_its_numbers_and_its_letter(
    written: str, name: str, angle: tuple[list[float], str | None]
) -> None:
    assert packets.angle({name: written}, name) == angle
    assert packets.angle({}, name) == ([], None)


BOMBS: dict[str, Callable[[], bytes]] = {
    "names": lambda: b"<exif:GPSLatitude " * 60_000,
    "quotes": lambda: b' xmp:CreatorTool="' * 60_000,
    "blanks": lambda: b"<exif:UserComment>" + b" " * (1 << 20),
    "attributes": lambda: b"<xmp:CreatorTool><rdf:Alt><rdf:li" + b" x" * (1 << 19),
    "wide": lambda: b"\xff\xfe" + b"<\0" * (1 << 19),
    "old names": lambda: b"xap:" * (1 << 18),
    "entities": lambda: b' xmp:CreatorTool="' + b"&#x41;" * 160 + b'"',
    "twenty megabytes": lambda: b"<xmp:CreatorTool>" * 1_200_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_packet_takes_long(bomb: str) -> None:
    """Each takes some 5 ms; a pattern that tries again at every byte would take minutes."""
    packet = BOMBS[bomb]()
    start = time.process_time()
    packets.properties(packet)
    assert time.process_time() - start < 1


FRAGMENTS = st.sampled_from(
    [
        *(ORIGINAL, MODIFIED, CREATOR_TOOL, COMMENT, LATITUDE, LONGITUDE, "xap:ModifyDate"),
        *("<", ">", "/", "</", "/>", "=", '"', "'", " ", "\n", "&amp;", "&#0;", "&#xD800;", "&b;"),
        *(
            "<rdf:Alt>",
            "<rdf:li>",
            "<rdf:li xml:lang='x'>",
            "<!--",
            "<![CDATA[",
            "35,24.9N",
            "\x00",
        ),
    ]
)


@given(st.lists(FRAGMENTS | st.text(max_size=8), max_size=40).map("".join))
@example(IOS_SCREENSHOT)
def test_any_text_is_survived_in_every_encoding(text: str) -> None:
    for encoding in ("utf-8", "utf-16", "utf-16-be"):
        found = packets.properties(text.encode(encoding, errors="surrogatepass"))
        assert set(found) <= set(packets.NAMES)
        assert all(value and len(value) <= 1000 for value in found.values())
        for name in (LATITUDE, LONGITUDE):
            numbers, _ = packets.angle(found, name)
            assert all(number >= 0 for number in numbers)


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(packet: bytes) -> None:
    packets.properties(packet)
    packets.properties(b"\xfe\xff" + packet)
    packets.properties(b"\xff\xfe\x00\x00" + packet)
