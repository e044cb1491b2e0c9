"""Uploads in chunks to a real server: one that is cut off or too long is refused, never shortened.

The server does not know their length beforehand, and what reads the form must not take the end of
the limit, or of the connection, for the end of the file.
"""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from media.files import MOST_BYTES
from tests.clients import picture
from tests.live import Live

HEAD = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
END = b"\r\n--edge--\r\n"
LAST = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("cut")
    server = Live(home, f"sqlite:///{home / 'live.sqlite3'}", workers=1)
    server.prepare()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def token(live: Live) -> str:
    return live.token("13800000001")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(data: bytes, size: int = 1 << 16) -> bytes:
    return b"".join(chunk(data[at : at + size]) for at in range(0, len(data), size))


CHUNKED = "Transfer-Encoding: chunked"
FORM = "multipart/form-data; boundary=edge"


def sent(
    live: Live,
    token: str,
    body: bytes,
    framing: str = CHUNKED,
    *,
    path: str = "/media",
    kind: str = FORM,
) -> bytes:
    """Send a body and no more; return what the server says, nothing if it only hangs up."""
    address = urlsplit(live.url)
    head = (
        f"POST /api/v1{path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nConnection: close\r\n{framing}\r\n"
        f"Content-Type: {kind}\r\n\r\n"
    )
    answer = b""
    with socket.create_connection((str(address.hostname), address.port), timeout=30) as talk:
        try:
            talk.sendall(head.encode() + body)
            talk.shutdown(socket.SHUT_WR)
            while part := talk.recv(1 << 16):
                answer += part
        except ConnectionError:
            pass
    return answer


def status(answer: bytes) -> int | None:
    return int(answer.split(b" ", 2)[1]) if answer else None


def photos(live: Live) -> int:
    """Count the objects of all photos in the server's folder."""
    return len([path for path in (live.home / "media").rglob("*") if path.is_file()])


def test_a_whole_upload_in_chunks_is_taken(live: Live, token: str) -> None:
    before = photos(live)
    answer = sent(live, token, chunked(HEAD + picture() + END, 997) + LAST)
    assert status(answer) == 201, answer
    assert photos(live) == before + 3


def test_an_upload_that_is_cut_off_is_not_taken(live: Live, token: str) -> None:
    whole = HEAD + picture() + END
    before = photos(live)
    for tenth in range(1, 10):
        part = whole[: len(whole) * tenth // 10]
        for body in (
            chunked(part, 997),  # no last chunk
            chunked(part, 997)[:-7],  # in the middle of a chunk
            chunked(part, 997) + LAST,  # ended properly, but the form is not
            chunked(part, 997) + b"zz\r\n",  # no chunk at all
            chunked(part, 997)[:-2] + b"zz",  # a chunk longer than it says
            chunked(part, 997) + b"0\r\nno trailer\r\n\r\n",
        ):
            assert status(sent(live, token, body)) in {400, 422, None}, (tenth, body[-20:])
        length = f"Content-Length: {len(whole)}"
        assert status(sent(live, token, part, length)) in {400, 422, None}
    assert photos(live) == before
    assert status(sent(live, token, chunked(whole) + LAST)) == 201


@pytest.mark.parametrize("where", ["in the file", "after the form", "without an end"])
def test_an_upload_beyond_the_limit_is_not_cut_to_it(live: Live, token: str, where: str) -> None:
    """What lies within the limit is a sound photo each time."""
    before, more = photos(live), b"\0" * (MOST_BYTES + (1 << 20))
    bodies = {
        "in the file": HEAD + picture() + more + END,
        "after the form": HEAD + picture() + END + more,
        "without an end": HEAD + picture() + more,
    }
    answer = sent(live, token, chunked(bodies[where]) + LAST)
    assert status(answer) in {413, None}
    assert b'"too_large"' in answer or not answer
    assert photos(live) == before


def test_the_largest_upload_in_chunks_is_taken_whole(live: Live, token: str) -> None:
    """The control: exactly the limit passes, one byte more does not."""
    data, before = picture(), photos(live)
    full = data + b"\0" * (MOST_BYTES - len(data))
    assert status(sent(live, token, chunked(HEAD + full + END) + LAST)) == 201
    assert photos(live) == before + 3
    answer = sent(live, token, chunked(HEAD + full + b"\0" + END) + LAST)
    assert status(answer) == 413
    assert photos(live) == before + 3


def test_a_broken_chunk_is_the_clients_fault_on_other_routes_too(live: Live, token: str) -> None:
    body = chunk(b"{") + b"zz\r\n"
    answer = sent(live, token, body, path="/reports", kind="application/json")
    assert status(answer) == 400
    assert b'"bad_request"' in answer
