"""Triggers that keep append-only tables append-only, for migrations to call.

The text of a trigger that stands in a released database must not change here: add a new function
instead.
"""

from sqlalchemy import Connection, text

REFUSE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""


def forbid_changes(connection: Connection, table: str) -> None:
    """Refuse UPDATE and DELETE on a table, on either database."""
    if connection.dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            connection.execute(
                text(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
            )
        return
    connection.execute(text(REFUSE))
    connection.execute(
        text(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    )


ENDED = "'closed', 'declined', 'merged', 'withdrawn'"
TALLIED = "(status, department, area, category, channel, count)"
ONE_TALLY = "ON CONFLICT (status, department, area, category, channel) DO UPDATE SET count ="
TALLY = """
CREATE FUNCTION tally_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    {out};
  END IF;
  IF TG_OP <> 'DELETE' THEN
    {into};
  END IF;
  RETURN NULL;
END $$
"""


def tally_ended(connection: Connection) -> None:
    """Let case_tallies follow each report that ends, is opened again, inserted or deleted.

    Triggers, so that it holds also while servers of the release before this one are running. On
    PostgreSQL they wait for the commit, so that nobody waits for a tally but that long. A batch
    operation on reports makes the table anew on SQLite: it must call this again.
    """
    if connection.dialect.name == "sqlite":
        for verb, steps in (
            ("INSERT", (_tally("new", 1),)),
            ("DELETE", (_tally("old", -1),)),
            ("UPDATE", (_tally("old", -1), _tally("new", 1))),
        ):
            connection.execute(
                text(
                    f"CREATE TRIGGER reports_tally_{verb.lower()} AFTER {verb} ON reports "
                    f"BEGIN {'; '.join(steps)}; END"
                )
            )
        return
    connection.execute(text(TALLY.format(out=_tally("old", -1), into=_tally("new", 1))))
    connection.execute(
        text(
            "CREATE CONSTRAINT TRIGGER reports_tally AFTER INSERT OR UPDATE OR DELETE ON reports "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tally_ended()"
        )
    )


def _tally(row: str, step: int) -> str:
    columns = f"{row}.area, {row}.category, {row}.channel, {step}"
    return (
        f"INSERT INTO case_tallies {TALLIED} "
        f"SELECT {row}.status, coalesce({row}.lead_department, ''), {columns} "
        f"WHERE {row}.status IN ({ENDED}) {ONE_TALLY} case_tallies.count + excluded.count"
    )


def no_tally(connection: Connection) -> None:
    """Take away what `tally_ended` made."""
    if connection.dialect.name == "sqlite":
        for verb in ("insert", "delete", "update"):
            connection.execute(text(f"DROP TRIGGER reports_tally_{verb}"))
        return
    connection.execute(text("DROP TRIGGER reports_tally ON reports"))
    connection.execute(text("DROP FUNCTION tally_ended()"))
