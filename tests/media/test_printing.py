"""`flask media print`: photos from before there were prints are found again."""

from collections.abc import Callable

from flask import Flask
from sqlalchemy import delete, func, select

from core.database import reading, writing
from media.models import Photo, PhotoPrint, Variant
from media.objects import object_name
from tests.clients import Api, picture

OWNER = "13800000001"


def prints(app: Flask) -> int:
    with app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(PhotoPrint)) or 0


def forget(app: Flask) -> None:
    with app.app_context(), writing() as session:
        session.execute(delete(PhotoPrint))


def printed(app: Flask) -> str:
    done = app.test_cli_runner().invoke(args=["media", "print"])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_photo_without_a_print_gets_one_and_one_without_structure_none(
    app: Flask, api: Callable[[str], Api]
) -> None:
    for _ in range(3):
        api(OWNER).upload()
    api(OWNER).upload(picture((90, 90, 90)))
    assert prints(app) == 3
    forget(app)
    assert printed(app) == "3 prints made\n"
    assert prints(app) == 3
    assert printed(app) == "0 prints made\n"


def test_a_photo_whose_copy_is_lost_is_named_and_keeps_none_of_the_others_back(
    app: Flask, api: Callable[[str], Api]
) -> None:
    lost, _ = api(OWNER).upload(), api(OWNER).upload()
    with app.app_context(), reading() as session:
        key = session.scalars(select(Photo.key).where(Photo.public_id == lost)).one()
    name = object_name(key, Variant.THUMB)
    app.extensions["photo_store"].delete([name])
    forget(app)
    assert printed(app).splitlines() == [f"object {name}: no picture", "1 prints made"]
