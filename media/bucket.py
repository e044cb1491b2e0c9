"""A store in a bucket of anything that speaks S3.

Objects are read whole before their first byte goes on, never twice in memory, so that a slow client
does not hold the store's connection: at most 20 MiB for each of the few calls at once.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from io import BytesIO
from typing import Any, BinaryIO, Final, TypeVar

from media.calls import AT_ONCE, Call, Patience, watch
from media.errors import ObjectMissing, StoreAway
from media.objects import LARGEST, NAME, Stored

MOST_CALLS: Final = 4  # at once in a process of 8 threads: a silent store leaves half of them free
WAIT: Final = 0.5  # seconds for another call's end, while the store answers
SLOW: Final = 1.0  # seconds after which a call says that the store does not answer
PROOF: Final = 5.0  # seconds for which a bucket that was there is taken to be there
Answer = TypeVar("Answer")


class S3Store:
    """A bucket: plain requests that look-alikes take too, and one deadline for each call."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        endpoint_url: str | None,
        region: str,
        patience: Patience = AT_ONCE,
    ) -> None:
        self.bucket, self.endpoint_url, self.region = bucket, endpoint_url, region
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.patience = patience
        self._calls: set[Call] = set()
        self._turn = threading.Condition()
        self._slow = False
        self._proven = float("-inf")

    def put(self, objects: Mapping[str, BinaryIO]) -> None:
        sources = {self._key(name): source for name, source in objects.items()}

        def work() -> None:
            self._prove_bucket()
            for key, source in sources.items():
                source.seek(0)
                self._client.put_object(Bucket=self.bucket, Key=key, Body=source)

        self._within(work)

    def open(self, name: str) -> BinaryIO:
        return BytesIO(self._within(partial(self._read, self._key(name))))

    def stat(self, name: str) -> Stored:
        key = self._key(name)

        def work() -> Stored:
            self._prove_bucket()  # "404" does not say what is missing
            with self._missing():
                answer = self._client.head_object(Bucket=self.bucket, Key=key)
            return Stored(name, answer["LastModified"].astimezone(UTC), answer["ContentLength"])

        return self._within(work)

    def delete(self, names: Iterable[str]) -> None:
        # One by one: bulk deletion wants a checksum header that look-alikes refuse.
        for key in [self._key(name) for name in names]:
            self._within(partial(self._client.delete_object, Bucket=self.bucket, Key=key))

    def objects(self, shard: str = "") -> Iterator[Stored]:
        token = ""
        while True:
            page, token = self._within(partial(self._page, shard, token))
            yield from (stored for stored in page if NAME.fullmatch(stored.name))
            if not token:
                return

    def tidy(self, before: datetime) -> int:  # noqa: ARG002  a put is one request: whole or not at all
        return 0

    def probe(self) -> None:
        self._within(self._ask_for_bucket, self.patience.probe)

    def _read(self, key: str) -> bytes:
        with self._missing():
            answer = self._client.get_object(Bucket=self.bucket, Key=key)
        with closing(answer["Body"]) as body:  # half read, it would keep its connection open
            if answer["ContentLength"] > LARGEST:
                raise StoreAway  # nothing that we put there
            data: bytes = body.read()
        return data

    def _page(self, shard: str, token: str) -> tuple[list[Stored], str]:
        after = {"ContinuationToken": token} if token else {}
        answer = self._client.list_objects_v2(
            Bucket=self.bucket, Prefix=self.prefix + shard, **after
        )
        found = [
            Stored(
                item["Key"].removeprefix(self.prefix),
                item["LastModified"].astimezone(UTC),
                item["Size"],
            )
            for item in answer.get("Contents", [])
        ]
        return found, answer.get("NextContinuationToken", "")

    def _key(self, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ObjectMissing
        return self.prefix + name

    def _prove_bucket(self) -> None:
        """Some look-alikes acknowledge a put into a bucket that is not there."""
        if time.monotonic() - self._proven > PROOF:
            self._ask_for_bucket()

    def _ask_for_bucket(self) -> None:
        self._client.head_bucket(Bucket=self.bucket)
        self._proven = time.monotonic()

    @contextmanager
    def _missing(self) -> Iterator[None]:
        try:
            yield
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise ObjectMissing from error
            raise

    @cached_property
    def _client(self) -> Any:
        with self._turn:  # a session is not made by two threads at once
            return self.__dict__.get("_client") or self._made_client()

    def _made_client(self) -> Any:
        from boto3.session import Session  # noqa: PLC0415  25 MB that a local store does without
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=self.patience.connect,
            read_timeout=self.patience.read,
            retries={"total_max_attempts": 1},
            max_pool_connections=MOST_CALLS,
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        client = Session().client(
            "s3", endpoint_url=self.endpoint_url, region_name=self.region, config=config
        )
        watch(client)
        return client

    def _within(self, work: Callable[[], Answer], seconds: float | None = None) -> Answer:
        """Do the work before its deadline, or raise StoreAway."""
        assert self._client  # noqa: S101  made before time runs: its libraries take half a second
        call = Call(self._leave)
        self._enter(call)
        try:
            return call.result(work, seconds or self.patience.whole)
        except ObjectMissing:
            raise
        except Exception as error:
            raise StoreAway from error

    def _enter(self, call: Call) -> None:
        """Wait a little for a free place; not at all while the store is known to be slow."""
        with self._turn:
            slow = self._slow or any(other.age() > SLOW for other in self._calls)
            if not self._turn.wait_for(lambda: len(self._calls) < MOST_CALLS, 0 if slow else WAIT):
                raise StoreAway
            self._calls.add(call)

    def _leave(self, call: Call) -> None:
        with self._turn:
            self._slow = call.age() > SLOW
            self._calls.discard(call)
            self._turn.notify()
