"""The database: base model, column types, and the two kinds of transaction.

Only routes, jobs and commands open a unit of work; services never commit. On SQLite a unit of work
that writes begins IMMEDIATE (a late lock fails at once, whatever the busy timeout), a read begins
deferred and never waits for writers.
"""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Integer,
    MetaData,
    Select,
    TypeDecorator,
    event,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.functions import FunctionElement

from core.settings import Settings

LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 15_000
POOL = 16

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of all models; one naming convention, so that migrations can name what they change."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model

BigId = BigInteger().with_variant(Integer, "sqlite")
ModelClass = TypeVar("ModelClass", bound=type[Any])
Columns = TypeVarTuple("Columns")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC in both databases; SQLite alone would drop the offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """Say what values are; cursors of pages are read by it."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no instant")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def choice(options: type[StrEnum]) -> Enum:
    """Return a column type that stores the enum's values as text, with a CHECK built from the enum.

    The CHECK is named after its column, since one table may hold two columns of one enum.
    """
    made = Enum(
        options,
        native_enum=False,
        create_constraint=True,
        length=32,
        name="choice",
        values_callable=lambda enum: [member.value for member in enum],
    )
    event.listen(made, "before_parent_attach", _name_check)
    return made


def _name_check(type_: Enum, column: Any) -> None:
    def name(_column: Any, _table: Any) -> None:
        type_.name = column.name

    event.listen(column, "before_parent_attach", name)


def public_id() -> str:
    """Return an identifier with 122 random bits that tells nothing and can't be counted."""
    return uuid.uuid4().hex


def append_only(model: ModelClass) -> ModelClass:
    """Mark a model whose rows never change; a house test looks for its migration's triggers."""
    model.__table__.info["append_only"] = True
    return model


class unsought(FunctionElement[Any]):  # noqa: N801  reads as what it does to a column
    """A column that SQLite, which knows little of what rows hold, is to find no rows by."""

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        self.type = column.type
        super().__init__(column)


@compiles(unsought)
def _unsought(element: unsought, compiler: Any, **kwargs: Any) -> str:
    plus = "+" if compiler.dialect.name == "sqlite" else ""
    return plus + str(compiler.process(element.clauses.clauses[0], **kwargs))


def virtual(module: str) -> dict[str, Any]:
    """Return the table argument that makes it, on SQLite alone, a virtual table of a module."""
    return {"info": {"virtual": module}}


@compiles(CreateTable, "sqlite")
def _create_table(create: CreateTable, compiler: Any, **kwargs: Any) -> str:
    module = create.element.info.get("virtual")
    if module is None:
        return str(compiler.visit_create_table(create, **kwargs))
    return f"CREATE VIRTUAL TABLE {create.element.name} USING {module}"


@contextmanager
def writing() -> Iterator[Session]:
    """Open the unit of work that writes; commit on a clean exit, roll back on any exception."""
    no_transaction()
    session = db.session()
    try:
        session.connection(execution_options={"write": True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextmanager
def reading() -> Iterator[Session]:
    """Open a short read that ends with the block; what it loaded stays readable, if out of date."""
    no_transaction()
    session = db.session()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


_known: WeakKeyDictionary[SessionTransaction, dict[str, dict[Any, Any]]] = WeakKeyDictionary()


def known(session: Session, name: str) -> dict[Any, Any]:
    """Return what has been found under a name in the present unit of work, and holds within it."""
    transaction = session.get_transaction() or session.begin()
    return _known.setdefault(transaction, {}).setdefault(name, {})


@contextmanager
def snapshot() -> Iterator[Session]:
    """Open a long read that shows one moment from beginning to end, as SQLite's reads all do."""
    with reading() as session:
        if session.get_bind().dialect.name != "sqlite":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


def no_transaction() -> None:
    """Make sure that no transaction is open.

    Raises:
        RuntimeError: one is; called before anything slow (stores, gateways, hashing) and at every
            beginning.
    """
    if db.session().in_transaction():
        raise RuntimeError("a transaction is open here")


def locked(statement: Select[*Columns]) -> Select[*Columns]:
    """Lock the selected rows until the end of the unit of work, and read them as they are now."""
    return statement.with_for_update().execution_options(populate_existing=True)


def engine_options(settings: Settings) -> dict[str, Any]:
    """Return pool and timeout options; parameters stay out of error texts, which reach the log."""
    if settings.database_url.startswith("sqlite"):
        connect_args = {"timeout": LOCK_TIMEOUT_MS / 1000, "check_same_thread": False}
        return {"hide_parameters": True, "connect_args": connect_args}
    timeouts = f"-c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS}"
    return {
        "hide_parameters": True,
        "pool_size": POOL,
        "pool_pre_ping": True,
        "connect_args": {"options": f"{timeouts} -c timezone=UTC", "connect_timeout": 3},
    }


def init_app(app: Flask, settings: Settings) -> None:
    """Bind the engine and, on SQLite, make it hold what it promises."""
    if settings.database_url.startswith("sqlite"):
        settings.instance.mkdir(parents=True, exist_ok=True)
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings)
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            _prepare_sqlite(db.engine)


def _prepare_sqlite(engine: Engine) -> None:
    event.listen(engine, "connect", _connect_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def _connect_sqlite(raw: sqlite3.Connection, _record: object) -> None:
    raw.isolation_level = None  # the driver would begin by itself, and deferred
    for pragma in (
        "foreign_keys=ON",
        "journal_mode=WAL",
        "synchronous=FULL",
        "secure_delete=ON",
        f"busy_timeout={LOCK_TIMEOUT_MS}",
    ):
        raw.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    write = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
