"""What can be wrong with a worker's reply: told by the hostile node, the soak and the tests."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from pedsam_ros.core import codec
from pedsam_ros.core.types import Embedding


class Lie(Enum):
    """One thing that is wrong with a reply; all else about it is right."""

    NOT_FINITE = 'not_finite'  # every value is NaN
    SHAPE = 'shape'  # a column of tokens too many
    DTYPE = 'dtype'
    TRUNCATED = 'truncated'  # the last byte is missing
    MODEL = 'model'
    WINDOW = 'window'
    REQUEST = 'request'  # nobody made it; a reply that comes too late looks the same
    ZEROS = 'zeros'  # every value is zero, which only an audit finds


# The edge quarantines a worker at the first reply with one of these.
FOUND_AT_ONCE = tuple(lie for lie in Lie if lie not in (Lie.REQUEST, Lie.ZEROS))


def spoiled(reply: Embedding, lie: Lie) -> Embedding:
    """The reply with one thing made wrong. Its size fits its shape and dtype unless that is it."""
    rows, columns, channels = reply.shape
    if lie is Lie.NOT_FINITE:
        return replace(reply, values=b'\xff' * len(reply.values))
    if lie is Lie.SHAPE:
        return _zeros(replace(reply, shape=(rows, columns + 1, channels)))
    if lie is Lie.DTYPE:
        other = next(dtype for dtype in codec.DTYPES if dtype != reply.dtype)
        return _zeros(replace(reply, dtype=other))
    if lie is Lie.TRUNCATED:
        return replace(reply, values=reply.values[:-1])
    if lie is Lie.MODEL:
        return replace(reply, model_id='f' * len(reply.model_id))
    if lie is Lie.WINDOW:
        return replace(reply, index=reply.index + 1)
    if lie is Lie.REQUEST:
        return replace(reply, request_id=reply.request_id ^ 1)
    return _zeros(reply)


def _zeros(reply: Embedding) -> Embedding:
    return replace(reply, values=bytes(codec.size_bytes(reply.shape, reply.dtype)))
