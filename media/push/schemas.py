"""The bodies and queries that WeChat sends."""

import marshmallow

from core import fields
from core.api import Schema


class PushQuerySchema(Schema):
    """The signature of an address; `echostr` comes back when the address is made known."""

    class Meta(Schema.Meta):
        unknown = marshmallow.INCLUDE  # WeChat adds what it likes

    signature = fields.Text()
    timestamp = fields.Text()
    nonce = fields.Text()
    echostr = fields.Text()
    msg_signature = fields.Text()


class PushedSchema(Schema):
    """An event, or, where a key was agreed on, the sealed text of one."""

    class Meta(Schema.Meta):
        unknown = marshmallow.INCLUDE

    sealed = fields.Text(most=64 * 1024, data_key="Encrypt")
    kind = fields.Text(data_key="MsgType")
    event = fields.Text(data_key="Event")
