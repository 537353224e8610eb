"""A cheap lock in front of the handshake, so that strangers cannot use it up.

A message of a handshake costs its reader two exchanges of keys before he knows whether it is worth
anything. Edge and worker know each other's static keys beforehand, so each of these messages also
carries a code that costs a thousandth of that, and a number. The edge's numbers grow, and the
answer repeats the number: what a stranger makes up is dropped at once, and what he repeats is
known by its age. The messages of Noise themselves stay as they are.
"""

from __future__ import annotations

import hmac
from enum import Enum

from pedsam_ros.core.errors import BadSeal
from pedsam_ros.core.noise import PrivateKey, exchanged

_NUMBER, _HEAD = 8, 8 + 32  # bytes of the number, and of number and code
_MOST = 512  # bytes of a handshake message


class Way(Enum):
    """Who speaks. What one end said does not pass as the other's."""

    TO_WORKER = b'hello'
    TO_EDGE = b'welcome'


class Gate:
    """Knows the messages of those who have `key`, which no stranger can compute."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def between(cls, private: PrivateKey, remote: bytes, prologue: bytes) -> Gate:
        """The gate of those two ends alone. Raises BadSeal if the other's public key is none."""
        told = b'gate' + prologue  # a key for this alone, beside those of Noise
        return cls(hmac.digest(exchanged(private, remote), told, 'sha256'))

    def close(self, way: Way, number: int, message: bytes) -> bytes:
        """A message with its number and code."""
        told = number.to_bytes(_NUMBER, 'little')
        return told + self._code(way, told, message) + message

    def open(self, way: Way, box: bytes | memoryview) -> tuple[int, bytes]:
        """Inverse of `close`: number and message. Raises BadSeal."""
        if not _HEAD < len(box) <= _MOST:
            raise BadSeal(f'handshake of {len(box)} bytes: at most {_MOST}')
        data = bytes(box)
        told, code, message = data[:_NUMBER], data[_NUMBER:_HEAD], data[_HEAD:]
        if not hmac.compare_digest(code, self._code(way, told, message)):
            raise BadSeal('handshake: made by somebody else')
        return int.from_bytes(told, 'little'), message

    def _code(self, way: Way, told: bytes, message: bytes) -> bytes:
        return hmac.digest(self._key, way.value + told + message, 'sha256')
