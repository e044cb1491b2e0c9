"""The API's frame: blueprints that document, strict bodies and queries, errors in one shape."""

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, TypeVar

import flask_smorest
import marshmallow
from flask import Response, current_app, request
from flask_smorest import Blueprint as SmorestBlueprint

from core import fields, jsonbody
from core.errors import DomainError, Invalid, TooLarge, UnsupportedMedia, english, render
from core.messages import flat, say, spoken

PREFIX = "/api/v1"
BODY_LIMIT = 256 * 1024
PROBLEM = "application/problem+json"
REFUSALS: dict[str, str] = {
    "unknown": say("未知字段", "Unknown field"),
    "type": say("应为对象", "Must be an object"),
}
View = TypeVar("View", bound=Callable[..., Any])


class Schema(marshmallow.Schema):
    """Root of all schemas: loads a dict, dumps an object, refuses unknown fields by name."""

    class Meta:
        unknown = marshmallow.RAISE

    error_messages = REFUSALS


class EmptySchema(Schema):
    """An action without fields: no body, or `{}`."""


class ProblemSchema(Schema):
    """RFC 9457, with a stable code and the faults by field path."""

    class Meta(Schema.Meta):
        unknown = marshmallow.INCLUDE  # members of an error's own stand beside these

    type = fields.Text()
    title = fields.Text()
    status = fields.StrictInteger(least=400, most=599)
    detail = fields.Text(most=2000)
    code = fields.Text(metadata={"description": "stable, English, snake_case"})
    request_id = fields.Text()
    errors = marshmallow.fields.Dict(
        keys=marshmallow.fields.String(),
        values=marshmallow.fields.List(marshmallow.fields.String()),
    )


class Blueprint(SmorestBlueprint):
    """A room's routes; its decorators only document, the view itself reads and answers."""

    def takes(self, schema: type[Schema]) -> Callable[[View], View]:
        """Document the JSON body; without a required field, no body is one too."""
        required = any(field.required for field in schema().fields.values())
        return self._parameter({"in": "json", "required": required, "schema": schema})

    def takes_form(self, schema: type[Schema]) -> Callable[[View], View]:
        """Document a multipart body."""
        return self._parameter({"in": "files", "required": True, "schema": schema})

    def asks(self, schema: type[Schema]) -> Callable[[View], View]:
        """Document the query parameters."""
        return self._parameter({"in": "query", "required": False, "schema": schema})

    def needs(
        self, header: str, *, required: bool = True, example: str = ""
    ) -> Callable[[View], View]:
        """Document a request header."""
        schema = {"type": "string", "minLength": 1, "maxLength": 128}
        found = {"in": "header", "name": header, "required": required, "schema": schema}
        return self._parameter({**found, "example": example} if example else found)

    def gives(
        self,
        status: int,
        schema: type[Schema] | None = None,
        *,
        content_type: str | None = None,
        headers: Any = None,
    ) -> Callable[[View], View]:
        """Document an answer; a `content_type` without schema is a file."""
        document: dict[str, Any] = {
            "description": HTTPStatus(status).phrase,
            "content_type": content_type,
        }
        if schema is not None:
            document["schema"] = schema()
        elif content_type is not None:
            document["schema"] = {"type": "string", "format": "binary"}
        if headers is not None:
            document["headers"] = headers
        return self._answer(status, document)

    def fails(self, *errors: type[DomainError]) -> Callable[[View], View]:
        """Document the problems that callers must expect, with their codes."""

        def mark(view: View) -> View:
            for status in sorted({error.status for error in errors}):
                codes = ", ".join(
                    f"`{error.code}` {error.zh}" for error in errors if error.status == status
                )
                document = {
                    "description": codes,
                    "content_type": PROBLEM,
                    "schema": ProblemSchema(),
                }
                view = self._answer(status, document)(view)
            return view

        return mark

    def _parameter(self, parameter: dict[str, Any]) -> Callable[[View], View]:
        def mark(view: View) -> View:
            arguments = documentation(view).setdefault("arguments", {})
            arguments.setdefault("parameters", []).append(parameter)
            return view

        return mark

    def _answer(self, status: int, document: dict[str, Any]) -> Callable[[View], View]:
        def mark(view: View) -> View:
            responses = documentation(view).setdefault("response", {}).setdefault("responses", {})
            responses.setdefault(status, []).append(document)
            return view

        return mark


def documentation(view: Any) -> dict[str, Any]:
    """Return what is documented of a view so far; the framework reads it at registration."""
    found: dict[str, Any] = vars(view).setdefault("_apidoc", {})
    return found


class Api(flask_smorest.Api):
    """The OpenAPI document, with every problem in our shape."""

    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM
        super()._register_responses()
        self.DEFAULT_RESPONSE_CONTENT_TYPE = "application/json"

    def _register_error_handlers(self) -> None:
        """Leave errors to core/web.py: one place maps them all."""


def body(schema: type[Schema], *, limit: int = BODY_LIMIT) -> dict[str, Any]:
    """Read and check the JSON body; no body at all counts as `{}`.

    Raises:
        UnsupportedMedia, TooLarge, jsonbody.NotJson, Invalid: as contract 1 says, in that order.
    """
    raw = received(limit)
    require_json(raw)
    return load(schema, jsonbody.parse(raw) if raw else {})


def require_json(raw: bytes) -> None:
    """Require that a body is plain JSON; there may be none at all.

    Raises:
        UnsupportedMedia.
    """
    plain = request.mimetype == "application/json" and not request.content_encoding
    if (raw or request.content_type) and not plain:
        raise UnsupportedMedia


def received(limit: int = BODY_LIMIT) -> bytes:
    """Read the whole body; before a transaction begins, lest a slow sender hold its locks.

    Raises:
        TooLarge: it is longer than `limit` bytes.
    """
    if (request.content_length or 0) > limit:
        raise TooLarge
    request.max_content_length = limit + 1  # what comes in chunks is cut off there without a word
    raw = request.get_data()
    if len(raw) > limit:
        raise TooLarge
    return raw


def load(schema: type[Schema], data: Any) -> dict[str, Any]:
    """Check a value against a schema.

    Raises:
        Invalid: with every fault by its field path.
    """
    try:
        loaded: dict[str, Any] = _instance(schema).load(data)
    except marshmallow.ValidationError as error:
        raise Invalid(errors=flat(error.messages)) from error
    return loaded


def query(schema: type[Schema]) -> dict[str, Any]:
    """Read the query string; a parameter that stands twice is refused as an unknown one is."""
    doubled = [name for name, values in request.args.lists() if len(values) > 1]
    if doubled:
        raise Invalid(
            errors={name: [say("参数重复", "The parameter stands twice")] for name in doubled}
        )
    return load(schema, request.args.to_dict())


def dump(schema: type[Schema], value: Any, *, many: bool = False) -> Any:
    """Dump with a schema instance that is made once per class."""
    return _instance(schema).dump(value, many=many)


def _instance(schema: type[Schema]) -> Schema:
    made: dict[type[Schema], Schema] = current_app.extensions.setdefault("schemas", {})
    if schema not in made:
        made[schema] = schema()
    return made[schema]


def encode(data: Any) -> bytes:
    """Return the bytes of an answer."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def answer(data: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """Build a JSON answer; private and unstored unless its headers say otherwise."""
    response = Response(encode(data), status, content_type="application/json")
    response.headers.extend(list(headers))
    return response


def problem_of(error: DomainError) -> Response:
    """Render a domain error with its field messages in the reader's language."""
    if error.errors is not None:
        error.errors = {
            path: spoken(messages, english=english()) for path, messages in error.errors.items()
        }
    return render(error)
