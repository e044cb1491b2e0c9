"""Both databases keep instants, and units of work end as they should (B30, reliability.md 2.5)."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from core.accounts import Account, AccountStatus
from core.clock import now
from core.database import LOCK_TIMEOUT_MS, db, locked, no_transaction, public_id, reading, writing
from core.limits import LimitCount
from core.permissions import Kind
from core.web import passing
from tests.conftest import World

SHANGHAI = timezone(timedelta(hours=8))


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def sqlite_only(world: World) -> None:
    if world.kind != "sqlite":
        pytest.skip("a rule of SQLite's")


@pytest.fixture
def postgres_only(world: World) -> None:
    if world.kind != "postgresql":
        pytest.skip("a rule of PostgreSQL's")


def keep(subject: str, moment: datetime | None, hits: int = 1) -> None:
    with writing() as session:
        session.add(LimitCount(subject=subject, window=0, hits=hits, expires_at=moment))


def kept(subject: str) -> LimitCount | None:
    with reading() as session:
        wanted = select(LimitCount).where(LimitCount.subject == subject)
        return session.scalars(wanted.execution_options(populate_existing=True)).first()


def in_thread(app: Flask, work: Callable[[], Any]) -> Any:
    """Run in a thread of its own, and so on a connection of its own."""
    outcome: list[Any] = []

    def run() -> None:
        with app.app_context():
            try:
                outcome.append(work())
            except Exception as error:  # noqa: BLE001  whatever comes is what the test asks for
                outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return outcome[0]


# ---------------------------------------------------------------------- instants
@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 1, 7, 30, tzinfo=SHANGHAI),
        datetime(2026, 3, 1, 7, 30, 15, 123456, tzinfo=UTC),
        datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(-timedelta(hours=11))),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2199, 12, 31, 23, 59, tzinfo=SHANGHAI),
    ],
)
def test_an_instant_comes_back_as_the_same_instant_in_utc(inside: Flask, moment: datetime) -> None:
    keep("instant", moment)
    found = kept("instant")
    assert found is not None
    assert found.expires_at == moment
    assert found.expires_at.utcoffset() == timedelta(0)


def test_an_instant_is_compared_as_an_instant_whatever_its_offset(inside: Flask) -> None:
    keep("instant", datetime(2026, 3, 1, 7, 30, tzinfo=SHANGHAI))
    later = datetime(2026, 2, 28, 23, 31, tzinfo=UTC)
    with reading() as session:
        assert session.scalar(select(LimitCount.hits).where(LimitCount.expires_at < later)) == 1
        sooner = later.astimezone(SHANGHAI) - timedelta(minutes=2)
        assert session.scalar(select(LimitCount.hits).where(LimitCount.expires_at < sooner)) is None


def test_a_time_without_zone_is_refused_on_the_way_in(inside: Flask) -> None:
    with pytest.raises(StatementError, match="naive"):
        keep("naive", datetime(2026, 3, 1, 7, 30))  # noqa: DTZ001  the fault in question
    assert kept("naive") is None
    naive = datetime(2026, 3, 1)  # noqa: DTZ001  the same in a comparison
    compared = select(LimitCount).where(LimitCount.expires_at < naive)
    with pytest.raises(StatementError, match="naive"), reading() as session:
        session.execute(compared)


def test_no_instant_stays_none_both_ways(inside: Flask) -> None:
    with writing() as session:
        made = Account(kind=Kind.PARTNER, created_at=now())
        session.add(made)
    with reading() as session:
        found = session.scalars(select(Account).where(Account.id == made.id)).one()
        assert found.deleted_at is None
        assert found.status is AccountStatus.ACTIVE


# ---------------------------------------------------------------------- units of work
def test_a_clean_exit_commits_for_everybody(inside: Flask) -> None:
    keep("committed", now())
    assert in_thread(inside, lambda: kept("committed")).hits == 1


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt, SystemExit])
def test_any_exception_rolls_all_of_it_back(inside: Flask, raised: type[BaseException]) -> None:
    def fail() -> None:
        with writing() as session:
            session.add(LimitCount(subject="lost", window=0, hits=1, expires_at=now()))
            session.flush()
            raise raised

    keep("noise", now())
    with pytest.raises(raised):
        fail()
    no_transaction()
    assert kept("lost") is None
    assert kept("noise") is not None


def test_a_read_ends_with_its_block_and_what_it_loaded_stays_readable(inside: Flask) -> None:
    keep("read", now(), hits=3)
    found = kept("read")
    no_transaction()
    assert found is not None
    assert found.hits == 3
    no_transaction()


def test_a_read_that_fails_ends_too(inside: Flask) -> None:
    def fail() -> None:
        with reading() as session:
            session.execute(text("SELECT 1"))
            raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        fail()
    no_transaction()


@pytest.mark.parametrize("outer", [reading, writing])
@pytest.mark.parametrize("inner", [reading, writing])
def test_no_block_begins_inside_another(inside: Flask, outer: Any, inner: Any) -> None:
    def nest() -> None:
        with outer() as session:
            session.execute(text("SELECT 1"))
            with inner():
                pass

    with pytest.raises(RuntimeError, match="a transaction is open"):
        nest()
    no_transaction()


def test_nothing_slow_may_begin_while_a_transaction_is_open(inside: Flask) -> None:
    no_transaction()
    with writing(), pytest.raises(RuntimeError):
        no_transaction()
    no_transaction()


def test_rows_that_are_locked_are_read_as_they_are_now(inside: Flask) -> None:
    """Without that, a row loaded earlier keeps its old figures and an update is lost."""
    keep("hot", now(), hits=0)
    kept("hot")

    def add() -> None:
        for _ in range(10):
            with writing() as session:
                row = session.scalars(
                    locked(select(LimitCount).where(LimitCount.subject == "hot"))
                ).one()
                row.hits += 1
            db.session.remove()

    threads = [threading.Thread(target=in_thread, args=(inside, add)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = kept("hot")
    assert found is not None
    assert found.hits == 40


# ---------------------------------------------------------------------- columns
def test_an_enum_column_takes_nothing_but_its_words(inside: Flask) -> None:
    insert = (
        "INSERT INTO accounts (public_id, kind, status, roles, token_epoch, created_at) "
        "VALUES ('{id}', '{kind}', '{status}', '', 0, '2026-01-01')"
    )
    with writing() as session:
        session.execute(text(insert.format(id="a", kind="partner", status="active")))
    for kind, status in (("spy", "active"), ("partner", "asleep"), ("PARTNER", "active")):
        with pytest.raises(IntegrityError), writing() as session:
            session.execute(text(insert.format(id="b", kind=kind, status=status)))


def test_a_reference_to_nothing_is_refused(inside: Flask) -> None:
    credential = (
        "INSERT INTO credentials (account_id, username, password_hash, must_change, changed_at) "
        "VALUES (999999, 'ghost', 'x', false, '2026-01-01')"
    )
    with pytest.raises(IntegrityError), writing() as session:
        session.execute(text(credential))


def test_public_ids_are_long_and_never_the_same() -> None:
    found = {public_id() for _ in range(10_000)}
    assert len(found) == 10_000
    assert all(len(each) == 32 and set(each) <= set("0123456789abcdef") for each in found)


def test_an_error_of_the_database_does_not_print_what_was_sent(inside: Flask) -> None:
    with pytest.raises(DBAPIError) as caught, reading() as session:
        session.execute(text("SELECT :phone FROM nowhere"), {"phone": "13800000001"})
    assert "13800000001" not in str(caught.value)


# ---------------------------------------------------------------------- SQLite
@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("foreign_keys", 1),
        ("synchronous", 2),
        ("secure_delete", 1),
        ("busy_timeout", LOCK_TIMEOUT_MS),
    ],
)
@pytest.mark.usefixtures("sqlite_only")
def test_sqlite_holds_what_it_promises_on_every_connection(
    inside: Flask, pragma: str, value: Any
) -> None:
    def asked() -> Any:
        with reading() as session:
            return session.scalar(text(f"PRAGMA {pragma}"))

    assert asked() == value
    assert in_thread(inside, asked) == value


@pytest.mark.usefixtures("sqlite_only")
def test_a_deferred_begin_fails_at_once_where_ours_waits(inside: Flask) -> None:
    """The control: without IMMEDIATE a late lock is no wait, it is an error after 0 seconds."""
    keep("row", now())
    engine = db.engine
    with engine.connect() as deferred:
        deferred.execute(select(LimitCount.hits)).all()
        in_thread(inside, lambda: keep("other", now()))
        began = time.monotonic()
        with pytest.raises(OperationalError, match="locked"):
            deferred.execute(update(LimitCount).values(hits=2))
        assert time.monotonic() - began < LOCK_TIMEOUT_MS / 2000


@pytest.mark.usefixtures("sqlite_only")
def test_a_writer_waits_for_the_one_before(inside: Flask) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with writing() as session:
            session.add(LimitCount(subject="first", window=0, hits=1, expires_at=now()))
            session.flush()
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=in_thread, args=(inside, hold))
    holder.start()
    entered.wait(10)
    threading.Timer(0.3, leave.set).start()
    began = time.monotonic()
    with writing() as session:
        assert session.scalar(select(LimitCount.hits).where(LimitCount.subject == "first")) == 1
    assert time.monotonic() - began > 0.2
    holder.join()


def test_a_reader_does_not_wait_for_a_writer(inside: Flask) -> None:
    keep("row", now(), hits=1)
    with writing() as session:
        session.execute(update(LimitCount).values(hits=2))
        began = time.monotonic()
        seen = in_thread(inside, lambda: kept("row"))
        assert time.monotonic() - began < 1
        assert seen.hits == 1


# ---------------------------------------------------------------------- PostgreSQL
@pytest.mark.parametrize(
    ("setting", "value"),
    [("lock_timeout", "5s"), ("statement_timeout", "15s"), ("timezone", "UTC")],
)
@pytest.mark.usefixtures("postgres_only")
def test_postgresql_limits_are_in_force_on_every_connection(
    inside: Flask, setting: str, value: str
) -> None:
    def asked() -> Any:
        with reading() as session:
            return session.scalar(text(f"SHOW {setting}"))

    assert asked() == value
    assert in_thread(inside, asked) == value


@pytest.mark.usefixtures("postgres_only")
def test_a_statement_that_takes_too_long_is_cut_off_and_may_be_tried_again(inside: Flask) -> None:
    def linger() -> None:
        with reading() as session:
            session.execute(text("SET LOCAL statement_timeout = '20ms'"))
            session.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(DBAPIError) as caught:
        linger()
    assert passing(caught.value)


@pytest.mark.usefixtures("postgres_only")
def test_a_lock_that_is_not_had_in_time_may_be_tried_again(inside: Flask) -> None:
    keep("row", now())

    def wait_for_it() -> None:
        with writing() as session:
            session.execute(text("SET LOCAL lock_timeout = '100ms'"))
            session.execute(update(LimitCount).values(hits=3))

    with writing() as session:
        session.execute(update(LimitCount).values(hits=2))
        error = in_thread(inside, wait_for_it)
    assert isinstance(error, DBAPIError)
    assert passing(error)


def test_a_fault_of_ours_is_not_one_that_passes(inside: Flask) -> None:
    for statement in ("SELECT nothing FROM nowhere", "SELEC 1", "SELECT 1 WHERE"):
        with pytest.raises(DBAPIError) as caught, reading() as session:
            session.execute(text(statement))
        assert not passing(caught.value), statement


def test_counting_is_the_same_on_both(inside: Flask) -> None:
    for number in range(3):
        keep(f"row {number}", now())
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(LimitCount)) == 3
