"""Keep what finds reports by their words, two-letter words of Chinese too."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from citizen import words

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

BATCH = 2_000
REPORTS = sa.table(
    "reports", sa.column("id", sa.BigInteger), sa.column("description"), sa.column("address")
)


def upgrade() -> None:
    """Create report_words, and fill it by what has been reported so far."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE report_words "
            "USING fts5(grams, tokenize='ascii', prefix='1', columnsize=0)"
        )
        _fill(words.spelled, sa.Text())
        return
    op.create_table(
        "report_words",
        sa.Column("rowid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grams", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.ForeignKeyConstraint(
            ["rowid"], ["reports.id"], name=op.f("fk_report_words_rowid_reports")
        ),
        sa.PrimaryKeyConstraint("rowid", name=op.f("pk_report_words")),
    )
    op.execute("SET LOCAL statement_timeout = 0")  # nobody waits for a table that is new
    _fill(words.numbered, sa.ARRAY(sa.BigInteger()))
    op.create_index("ix_report_words_grams", "report_words", ["grams"], postgresql_using="gin")
    op.execute("SET LOCAL statement_timeout = '60s'")


def _fill(made: Any, kind: Any) -> None:
    connection, last = op.get_bind(), 0
    table = sa.table("report_words", sa.column("rowid"), sa.column("grams", kind))
    some = sa.select(REPORTS).order_by(REPORTS.c.id).limit(BATCH)
    while rows := connection.execute(some.where(REPORTS.c.id > last)).all():
        last = rows[-1].id
        texts = [(row.id, made((row.description, row.address or ""))) for row in rows]
        found = [{"rowid": key, "grams": grams} for key, grams in texts]
        connection.execute(sa.insert(table), found)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("report_words")
