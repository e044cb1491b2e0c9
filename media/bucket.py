"""A store in a bucket of anything that speaks S3."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import cached_property, partial
from io import BytesIO
from typing import Any, BinaryIO, Final, TypeVar

from media.errors import ObjectMissing, StoreAway
from media.objects import NAME, Stored

DEADLINE: Final = 4.5  # seconds for one call, however slowly its bytes come
MOST_WAITING: Final = 32  # calls that a silent store may hold at once in a process
Answer = TypeVar("Answer")


class S3Store:
    """A bucket: plain requests that look-alikes take too, and one deadline for each call."""

    def __init__(self, bucket: str, prefix: str, endpoint_url: str | None, region: str) -> None:
        self.bucket, self.endpoint_url, self.region = bucket, endpoint_url, region
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)
        self._proven = False

    def put(self, objects: Mapping[str, BinaryIO]) -> None:
        def work() -> None:
            self._prove_bucket()
            for name, source in objects.items():
                source.seek(0)
                self._client.put_object(Bucket=self.bucket, Key=self._key(name), Body=source)

        self._within(work)

    def open(self, name: str) -> BinaryIO:
        key = self._key(name)

        def work() -> BinaryIO:
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=key)
            except self._client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                    raise ObjectMissing from error
                raise
            return BytesIO(answer["Body"].read())

        return self._within(work)

    def delete(self, names: Iterable[str]) -> None:
        # One by one: bulk deletion wants a checksum header that look-alikes refuse.
        for key in [self._key(name) for name in names]:
            self._within(partial(self._client.delete_object, Bucket=self.bucket, Key=key))

    def objects(self) -> Iterator[Stored]:
        token = ""
        while True:
            page, token = self._within(partial(self._page, token))
            for name, at in page:
                if NAME.fullmatch(name):
                    yield Stored(name, at.astimezone(UTC))
            if not token:
                return

    def tidy(self, before: datetime) -> int:  # noqa: ARG002  a put is one request: whole or not at all
        return 0

    def probe(self) -> None:
        self._within(lambda: self._client.head_bucket(Bucket=self.bucket))

    def _page(self, token: str) -> tuple[list[tuple[str, datetime]], str]:
        after = {"ContinuationToken": token} if token else {}
        answer = self._client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, **after)
        found = [
            (item["Key"].removeprefix(self.prefix), item["LastModified"])
            for item in answer.get("Contents", [])
        ]
        return found, answer.get("NextContinuationToken", "")

    def _key(self, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ObjectMissing
        return self.prefix + name

    def _prove_bucket(self) -> None:
        """Some look-alikes acknowledge a put into a bucket that is not there."""
        if not self._proven:
            self._client.head_bucket(Bucket=self.bucket)
            self._proven = True

    @cached_property
    def _client(self) -> Any:
        import boto3  # noqa: PLC0415  25 MB that a local store does without
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=1,
            read_timeout=3,
            retries={"total_max_attempts": 1},
            max_pool_connections=MOST_WAITING,
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return boto3.client(
            "s3", endpoint_url=self.endpoint_url, region_name=self.region, config=config
        )

    def _within(self, work: Callable[[], Answer]) -> Answer:
        """Run a call in a thread of its own: read timeouts bound each read, not all of them."""
        if not self._waiting.acquire(blocking=False):
            raise StoreAway
        future: Future[Answer] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001  carried over to the caller's thread
                future.set_exception(error)
            finally:
                self._waiting.release()

        threading.Thread(target=run, name="photo-store", daemon=True).start()
        try:
            return future.result(timeout=DEADLINE)
        except ObjectMissing:
            raise
        except Exception as error:
            raise StoreAway from error
