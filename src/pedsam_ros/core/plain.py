"""The same two handshake messages as core/noise.py, without any protection: what `insecure: true`
uses. They still show that messages pass in both directions."""

from __future__ import annotations

import hashlib
import secrets

from pedsam_ros.core.errors import BadSeal

_MARK = b'pedsam_ros insecure'
_MOST = 256  # bytes of a handshake message


class PlainKey:
    """Leaves messages as they are."""

    def seal(self, counter: int, associated: bytes, plaintext: bytes) -> bytes:
        """Returns the message."""
        return plaintext

    def open(self, counter: int, associated: bytes, box: bytes | memoryview) -> bytes:
        """Returns the message."""
        return bytes(box)


class PlainKeys:
    """No keys; `hash` gives the session its number."""

    def __init__(self, hash_: bytes) -> None:
        self.hash, self.sending, self.receiving = hash_, PlainKey(), PlainKey()


class PlainInitiator:
    """The edge's part of a handshake."""

    def __init__(self) -> None:
        self._hello = _MARK + secrets.token_bytes(16)

    def hello(self, payload: bytes) -> bytes:
        """The first message. The payload is left out."""
        return self._hello

    def finish(self, reply: bytes) -> tuple[bytes, PlainKeys]:
        """Takes the second message. Raises BadSeal if it is none, or answers another."""
        if not reply.startswith(self._hello):
            raise BadSeal('no plain answer to this handshake: one end is sealed, or it is late')
        return reply[len(self._hello) :], _keys(reply)


class PlainResponder:
    """A worker's part of a handshake."""

    def __init__(self) -> None:
        self._hello = b''

    def read(self, hello: bytes) -> tuple[bytes, bytes]:
        """Takes the first message. Its maker has no key. Raises BadSeal if it is none."""
        if not hello.startswith(_MARK) or len(hello) > _MOST:
            raise BadSeal('no plain handshake: the edge is sealed, or of another version')
        self._hello = hello
        return b'', b''

    def reply(self, payload: bytes) -> tuple[bytes, PlainKeys]:
        """The second message."""
        reply = self._hello + payload
        return reply, _keys(reply)


def _keys(reply: bytes) -> PlainKeys:
    return PlainKeys(hashlib.sha256(reply).digest())
