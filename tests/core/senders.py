"""A process that asks WeChat about pictures: told how many, says how many were taken.

`python -m tests.core.senders <sends> <lease | no-lease>`; begins when it is sent a line.
"""

import sys
from datetime import datetime

from flask import Flask

from core import database, gateways, limits, logs
from core.database import writing
from core.gateways import accesstokens
from core.gateways.models import AccessToken
from core.settings import from_environment
from core.upsert import insert_into


def main(sends: int, *, lease: bool) -> None:
    app = Flask("sender")
    made = app.extensions["settings"] = from_environment()
    logs.configure(made.log_level)
    for part in (database, limits, gateways):
        part.init_app(app, made)
    if not lease:
        accesstokens.take_lease = anybody
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    taken = 0
    with app.app_context():
        for _ in range(sends):
            try:
                taken += bool(gateways.content().submit("https://example.test/photo"))
            except Exception as error:  # noqa: BLE001
                print(type(error).__name__, file=sys.stderr)  # noqa: T201
    print(taken, flush=True)  # noqa: T201


def anybody(app_id: str, _seen: accesstokens.Kept, _now: datetime) -> datetime:
    """Let everybody ask, and let nobody see that somebody does: the control of the lease."""
    with writing() as session:
        row = insert_into(session, AccessToken).values(
            app_id=app_id,
            token=None,
            expires_at=accesstokens.NEVER,
            lease_until=accesstokens.NEVER,
        )
        session.execute(row.on_conflict_do_nothing())
    return accesstokens.NEVER


if __name__ == "__main__":
    main(int(sys.argv[1]), lease=sys.argv[2] == "lease")
