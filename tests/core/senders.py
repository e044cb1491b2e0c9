"""A process that asks WeChat about pictures: told how many, says how many were taken.

`python -m tests.core.senders <sends> <lease | no-lease>`; begins when it is sent a line.
"""

import sys

from app import create_app
from core import gateways
from core.gateways import accesstokens
from core.settings import from_environment


def main(sends: int, *, lease: bool) -> None:
    app = create_app(from_environment(), testing=True)
    if not lease:  # the control: everybody asks for a token of his own, and keeps it
        accesstokens.take_lease = _everybody
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


def _everybody(app_id: str, seen: accesstokens.Kept, now: object) -> object:
    from core.clock import now as present
    from core.database import writing
    from core.gateways.models import AccessToken
    from core.upsert import insert_into

    until = present() + accesstokens.LEASE
    with writing() as session:
        first = insert_into(session, AccessToken).values(
            app_id=app_id, token=None, expires_at=accesstokens.NEVER, lease_until=until
        )
        session.execute(
            first.on_conflict_do_update(index_elements=["app_id"], set_={"lease_until": until})
        )
    return until


if __name__ == "__main__":
    main(int(sys.argv[1]), lease=sys.argv[2] == "lease")
