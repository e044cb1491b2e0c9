"""`flask media check` proves rows, objects and hashes; `flask media migrate` changes the store."""

import hashlib
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import click
from flask import Flask
from flask.cli import AppGroup

from core.clock import now as present
from core.database import writing
from core.settings import SettingsError, settings
from media import inventory, jobs, printing, storage
from media.calls import AT_LEISURE
from media.errors import ObjectMissing, StoreAway
from media.inventory import Promise
from media.jobs import batched
from media.models import Variant
from media.moving import CHUNK, Move, Moved, Outcome
from media.objects import SHARDS, PhotoStore, Stored, key_of, object_name
from media.service import GRACE

commands = AppGroup("media", help="Photos and their objects.")
FINDINGS: Final = {
    Outcome.MISSING: "{} is missing",
    Outcome.CHANGED: "the {} was changed",
}


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(commands)


@commands.command("check")
@click.option("--fast", is_flag=True, help="Leave out the hashes of the originals.")
def check(fast: bool) -> None:  # noqa: FBT001  click hands its flags over by position
    """Compare rows, objects and hashes both ways; exit 1 with the findings."""
    counts: Counter[str] = Counter()
    with _told_when_away():
        for finding in _findings(storage.store(), counts, hashed=not fast):
            counts["findings"] += 1
            click.echo(finding)
    if counts["findings"]:
        sys.exit(1)
    click.echo(
        "photos hold: {photos} photos, {redactions} redactions, {objects} objects".format_map(
            counts
        )
    )


def _findings(store: PhotoStore, counts: Counter[str], *, hashed: bool) -> Iterator[str]:
    began = present()
    for shard in SHARDS:
        stored = {item.name: item for item in store.objects(shard)}
        counts["objects"] += len(stored)
        promised: set[str] = set()
        for page in inventory.promises(shard):
            for promise in page:
                counts["photos" if promise.sha256 else "redactions"] += 1
                promised.update(promise.names)
                yield from _faults(promise, stored, store, hashed=hashed)
        old = {item.name for item in stored.values() if item.at < began - GRACE}
        yield from _strangers(old - promised)
    for public_id in inventory.lost_versions():
        yield f"photo {public_id}: its public version is none of its redactions"


def _faults(
    promise: Promise, stored: Mapping[str, Stored], store: PhotoStore, *, hashed: bool
) -> Iterator[str]:
    """Yield what is wrong with one row's objects, unless the row was deleted meanwhile."""
    faults = [
        f"{promise.label}: {fault}"
        for variant in promise.variants
        for fault in _fault(promise, variant, stored, store, hashed=hashed)
    ]
    if faults and inventory.known({promise.key}):
        yield from faults


def _fault(
    promise: Promise,
    variant: Variant,
    stored: Mapping[str, Stored],
    store: PhotoStore,
    *,
    hashed: bool,
) -> Iterator[str]:
    """Yield what is wrong with an object; one that came after the listing is looked for."""
    name = object_name(promise.key, variant)
    try:
        if hashed and variant is Variant.ORIGINAL:
            yield from _changes(promise, store, name)
        elif not (stored.get(name) or store.stat(name)).size:
            yield f"{variant.value} is empty"
    except ObjectMissing:
        yield f"{variant.value} is missing"


def _changes(promise: Promise, store: PhotoStore, name: str) -> Iterator[str]:
    """Compare an original with each hash that its row has."""
    wanted = {"sha256": promise.sha256, "sm3": promise.sm3}
    digests = {kind: hashlib.new(kind) for kind, value in wanted.items() if value}
    with store.open(name) as stream:
        while chunk := stream.read(CHUNK):
            for digest in digests.values():
                digest.update(chunk)
    wrong = [kind for kind, digest in digests.items() if digest.hexdigest() != wanted[kind]]
    if "sha256" in wrong:
        yield "the original was changed"
    elif wrong:
        yield "its SM3 is not that of the original"


def _strangers(names: Collection[str]) -> Iterator[str]:
    """Yield the objects that no row has, nor a deletion that waits for the worker."""
    going = jobs.awaiting_deletion() if names else set()
    for batch in batched(sorted(names)):
        expected = inventory.known({key_of(name) for name in batch}) | going
        for name in batch:
            if key_of(name) not in expected:
                yield f"object {name}: no photo has it"


@commands.command("print")
def make_prints() -> None:
    """Make the prints that photos lack which came before there were any; run it once."""
    store, made = storage.store(), 0
    with _told_when_away():
        for photo_id, key in printing.lacking():
            gist = printing.gist_of(store, key)
            if gist is None:
                click.echo(f"object {object_name(key, Variant.THUMB)}: no picture")
                continue
            with writing() as session:
                made += printing.print_late(session, photo_id, gist)
    click.echo(f"{made} prints made")


@commands.command("migrate")
@click.option("--to", "to", required=True, help="file:… or s3://bucket/prefix")
@click.option("--from", "since", help="The same; by default MEDIA_URL.")
@click.option("--fast", is_flag=True, help="Take an object of the same size for the same.")
def migrate(to: str, since: str | None, fast: bool) -> None:  # noqa: FBT001  as above
    """Copy every photo's objects into another store, and read them back.

    Nothing is deleted; what is there already is not sent again, so it may be cut off and run as
    often as one likes, while the service runs:

    \b
    1. flask media migrate --to s3://bucket/prefix
    2. Set MEDIA_URL=s3://bucket/prefix, restart server and worker.
    3. flask media migrate --from file:… --to s3://bucket/prefix, for what came in between.
    4. flask media check; then the old store may go.

    Exit 1 with each object that is missing or changed at the source.
    """  # noqa: D301  click reads the backspace
    counts: Counter[Outcome] = Counter()
    with _told_when_away():
        for moved in _with_progress(_move(since or settings().media_url, to, fast=fast)):
            counts[moved.outcome] += 1
            if moved.outcome in FINDINGS:
                click.echo(_finding(moved))
    click.echo(
        f"{counts[Outcome.COPIED]} objects copied, {counts[Outcome.THERE]} were there,"
        f" {sum(counts[outcome] for outcome in FINDINGS)} missing or changed at the source"
    )
    if any(counts[outcome] for outcome in FINDINGS):
        sys.exit(1)


def _move(source: str, target: str, *, fast: bool) -> Move:
    if source == target:
        raise click.UsageError("that is where the photos are")
    try:
        source_store, target_store = (
            storage.open_store(settings(), url, patience=AT_LEISURE) for url in (source, target)
        )
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    target_store.probe()
    return Move(source_store, target_store, fast=fast)


def _with_progress(move: Move) -> Iterator[Moved]:
    # What is found goes to stdout, so the bar goes beside it.
    bar = click.progressbar(
        move.run(), length=inventory.promised(), label="photos", file=sys.stderr, show_pos=True
    )
    with bar as run:
        yield from run


def _finding(moved: Moved) -> str:
    return f"{moved.promise.label}: {FINDINGS[moved.outcome].format(moved.variant.value)}"


@contextmanager
def _told_when_away() -> Iterator[None]:
    try:
        yield
    except StoreAway as error:
        raise click.ClickException("a photo store is away or full; run it again") from error
