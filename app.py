"""create_app: settings, extensions, rooms, ports filled, and who listens to what. Nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

import citizen.cli
import citizen.demo
import citizen.jobs
import citizen.ports
import citizen.proof
import citizen.residents.disclosures.routes
import citizen.residents.routes
import citizen.routes
import core.cli
import media.checking
import media.cli
import media.jobs
import media.ports
import media.push.jobs
import media.push.routes
import media.routes
import moderation.cli
import moderation.counts.routes
import moderation.demo
import moderation.exports.routes
import moderation.handlers
import moderation.jobs
import moderation.photos.routes
import moderation.results
import moderation.reviews
import moderation.reviews.routes
import moderation.routes
import moderation.rules.routes
import moderation.staff.routes
import moderation.statistics.routes
import moderation.suggestions.routes
import moderation.terms
import rewards.admin.routes
import rewards.cli
import rewards.demo
import rewards.handlers
import rewards.jobs
import rewards.partners.routes
import rewards.ports
import rewards.routes
from citizen.events import CaseRated, CaseSettled, ReportSubmitted
from core import database, documents, events, gateways, limits, logs, migrating, tokens, web
from core import routes as core_routes
from core.api import PREFIX, Api
from core.events import Listener
from core.outbox import Handler
from core.settings import Settings, from_environment
from core.worker import Job

LISTENERS: Mapping[type, Sequence[Listener]] = {
    ReportSubmitted: (rewards.handlers.on_report_submitted,),
    CaseSettled: (rewards.handlers.on_case_settled, moderation.handlers.on_case_settled),
    CaseRated: (rewards.handlers.on_case_rated,),
}
PORTS: Mapping[type, Any] = {
    citizen.ports.PointsOf: rewards.handlers.points_of,
    citizen.ports.Assess: moderation.handlers.assess,
    citizen.ports.Resume: moderation.terms.resume,
    citizen.ports.HoldsOf: moderation.handlers.holds_of,
    citizen.ports.ResultsOf: moderation.results.results_of,
    citizen.ports.CaseFor: moderation.handlers.case_for,
    citizen.ports.StaffDesk: moderation.staff.StaffDesk(),
    media.ports.MayView: moderation.handlers.may_view,
    rewards.ports.CaseDesk: moderation.reviews.AwardDesk(),
}
OUTBOX: Mapping[str, Handler] = {
    "media.delete": media.jobs.delete_objects,
    media.checking.TOPIC: media.push.jobs.ask,
}
JOBS: Sequence[Job] = (
    *citizen.jobs.JOBS,
    *media.jobs.JOBS,
    *media.push.jobs.JOBS,
    *moderation.jobs.JOBS,
    *rewards.jobs.JOBS,
)
PROOFS: Sequence[Callable[[Session], Iterator[str]]] = (citizen.proof.steps,)
HEALTH: Mapping[str, Callable[[], bool]] = {"media": media.routes.store_answers}
DEMO = (citizen.demo.load, moderation.demo.load, rewards.demo.load)
BLUEPRINTS = (
    core_routes.operations,
    core_routes.routes,
    media.routes.routes,
    media.push.routes.routes,
    citizen.residents.routes.routes,
    citizen.residents.disclosures.routes.routes,
    citizen.routes.routes,
    moderation.staff.routes.routes,
    moderation.routes.routes,
    moderation.counts.routes.routes,
    moderation.exports.routes.routes,
    moderation.statistics.routes.routes,
    moderation.rules.routes.routes,
    moderation.suggestions.routes.routes,
    moderation.reviews.routes.routes,
    moderation.photos.routes.routes,
    rewards.routes.routes,
    rewards.partners.routes.routes,
    rewards.admin.routes.routes,
)
COMMANDS = (core.cli, media.cli, citizen.cli, moderation.cli, rewards.cli)


def create_app(settings: Settings | None = None, *, testing: bool = False) -> Flask:
    """Build the application; a missing or unusable setting stops it here."""
    app = Flask(__name__, static_folder=None)
    app.testing = testing
    made = settings or from_environment()
    app.extensions["settings"] = made
    app.config["SECRET_KEY"] = made.secret_key
    logs.configure(made.log_level)
    database.init_app(app, made)
    limits.init_app(app, made)
    tokens.init_app(app, made)
    web.init_app(app, made)
    gateways.init_app(app, made)
    media.routes.init_app(app, made)
    migrating.init_app(app)
    events.connect(app, LISTENERS, PORTS)
    app.extensions.update(outbox=OUTBOX, jobs=JOBS, health=HEALTH, demo=DEMO, caches={})
    app.extensions["proofs"] = PROOFS
    _open_rooms(app)
    return app


def _open_rooms(app: Flask) -> None:
    api = Api(app, spec_kwargs=documents.describe(app))
    for blueprint in BLUEPRINTS:
        api.register_blueprint(
            blueprint, url_prefix="" if blueprint is core_routes.operations else PREFIX
        )
    documents.finish(app, api)
    for room in COMMANDS:
        room.init_app(app)
