"""Uploads a second of a live server: whole phone photos from several clients at once."""

import http.client
import threading
import time
from collections.abc import Sequence

from bench.city import City

CLIENTS = 4
BOUNDARY = "photo-of-the-bench"


def uploads_per_second(city: City, port: int, photo: bytes, count: int) -> float:
    """Send so many different files of one picture from four residents' phones."""
    people = city.residents(CLIENTS)
    parts = [range(first, count, CLIENTS) for first in range(CLIENTS)]
    failed: list[int] = []

    def work(token: str, part: Sequence[int]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for at in part:
            # Bytes behind the end make each file another one; they never leave.
            status = _send(connection, token, photo + at.to_bytes(4, "big"))
            failed.extend([status] if status != 201 else [])
        connection.close()

    threads = [
        threading.Thread(target=work, args=(token, part))
        for (_, token), part in zip(people, parts, strict=True)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"uploads were refused: {failed[:5]}")
    return count / (time.perf_counter() - began)


def _send(connection: http.client.HTTPConnection, token: str, data: bytes) -> int:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    body = head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
    }
    connection.request("POST", "/api/v1/media", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
