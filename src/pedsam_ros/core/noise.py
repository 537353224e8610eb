"""Noise_IK_25519_ChaChaPoly_SHA256: a handshake of two messages, then two keys, one a direction.

Source: The Noise Protocol Framework, revision 34 (noiseprotocol.org/noise.html):

    <- s                  the initiator knows the responder's public key beforehand
    -> e, es, s, ss       `hello`
    <- e, ee, se          `reply`

A hello may be a replay: only a box that opens under the new keys proves that its sender is there.
Both ends must give the same prologue, or nothing opens. A public key is 32 raw bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from copy import copy
from dataclasses import dataclass
from enum import Enum, auto

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pedsam_ros.core.errors import BadSeal

PrivateKey = X25519PrivateKey
Data = bytes | bytearray | memoryview  # any buffer of bytes

KEY_BYTES = 32
TAG_BYTES = 16  # that a box is longer than its plaintext
HELLO_BYTES = 2 * KEY_BYTES + 2 * TAG_BYTES  # that a hello is longer than its payload
REPLY_BYTES = KEY_BYTES + TAG_BYTES  # that a reply is longer than its payload
MESSAGE_BYTES = 65535  # Noise: the most of a handshake message
LAST_COUNTER = 2**64 - 2  # Noise keeps the next one
_PROTOCOL = b'Noise_IK_25519_ChaChaPoly_SHA256'  # 32 bytes, as long as a hash: used as it is


def public(private: PrivateKey) -> bytes:
    """The public key of a private one."""
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def exchanged(private: PrivateKey, remote: bytes) -> bytes:
    """The secret that two keys share. Raises BadSeal if the public one is none."""
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(remote))
    except ValueError:  # not 32 bytes, or a point that makes the shared secret all zero
        raise BadSeal('public key: none that a secret can be shared with') from None


class CipherKey:
    """The key of one direction. Whoever seals must count: a counter is never used twice.

    A box may be longer than the 65,535 bytes of Noise's transport messages, which is a rule for
    framing; ChaCha20-Poly1305 itself seals up to 256 GB. Whatever is not `bytes` is copied first,
    because cryptography 3.4 takes nothing else.
    """

    __slots__ = ('_cipher',)

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def seal(self, counter: int, associated: Data, plaintext: Data) -> bytes:
        """The box of a plaintext, 16 bytes longer. Raises BadSeal if the counters are used up."""
        try:
            return self._cipher.encrypt(_nonce(counter), bytes(plaintext), bytes(associated))
        except OverflowError:
            raise BadSeal(f'plaintext of {len(plaintext)} bytes: too long') from None

    def open(self, counter: int, associated: Data, box: Data) -> bytes:
        """The plaintext of a box. Raises BadSeal unless all three are as they were sealed."""
        try:
            return self._cipher.decrypt(_nonce(counter), bytes(box), bytes(associated))
        except (InvalidTag, OverflowError):
            raise BadSeal(f'box of {len(box)} bytes: does not open') from None


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Keys:
    """What a handshake gives each end. `hash` (32 bytes) is the same at both, and no secret."""

    sending: CipherKey
    receiving: CipherKey
    hash: bytes


class _Step(Enum):
    FIRST = auto()
    SECOND = auto()
    DONE = auto()


class _Symmetric:
    """Noise's SymmetricState. Each key of IK seals one box, so its counter is always 0."""

    __slots__ = ('chaining', 'hash', 'key')

    def __init__(self, prologue: bytes, responder: bytes) -> None:
        self.chaining = self.hash = _PROTOCOL
        self.mix_hash(prologue)
        self.mix_hash(responder)

    def mix_hash(self, data: bytes) -> None:
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, private: PrivateKey, remote: bytes) -> None:
        self.chaining, key = _hkdf(self.chaining, exchanged(private, remote))
        self.key = CipherKey(key)

    def seal(self, plaintext: bytes) -> bytes:
        box = self.key.seal(0, self.hash, plaintext)
        self.mix_hash(box)
        return box

    def open(self, box: bytes) -> bytes:
        plaintext = self.key.open(0, self.hash, box)
        self.mix_hash(box)
        return plaintext

    def split(self) -> tuple[CipherKey, CipherKey]:
        """The key of the initiator's messages, and that of the responder's."""
        first, second = _hkdf(self.chaining, b'')
        return CipherKey(first), CipherKey(second)


class Initiator:
    """The end that begins. Only tests give an ephemeral key; otherwise it is a new one.

    Each method succeeds once only: to send a hello again, keep its bytes.
    """

    def __init__(
        self,
        static: PrivateKey,
        remote: bytes,
        prologue: bytes,
        ephemeral: PrivateKey | None = None,
    ) -> None:
        self._static, self._remote = static, remote
        self._ephemeral = ephemeral or PrivateKey.generate()
        self._state = _Symmetric(prologue, remote)
        self._step = _Step.FIRST

    def hello(self, payload: bytes) -> bytes:
        """The first message, `HELLO_BYTES` longer than its payload.

        It hides the payload and who sends it from all but the responder. Raises BadSeal if it
        would be too long, if the responder's key is none, or on the second call.
        """
        _check(self._step is _Step.FIRST, 'hello', HELLO_BYTES + len(payload), HELLO_BYTES)
        state, ephemeral = copy(self._state), public(self._ephemeral)
        state.mix_hash(ephemeral)
        state.mix_key(self._ephemeral, self._remote)
        static = state.seal(public(self._static))
        state.mix_key(self._static, self._remote)
        hello = ephemeral + static + state.seal(payload)
        self._state, self._step = state, _Step.SECOND
        return hello

    def finish(self, reply: bytes) -> tuple[bytes, Keys]:
        """The payload of the second message, and the keys.

        Raises BadSeal if it is no reply to this hello; the true one may still come.
        """
        _check(self._step is _Step.SECOND, 'reply', len(reply), REPLY_BYTES)
        state, remote = copy(self._state), bytes(reply[:KEY_BYTES])
        state.mix_hash(remote)
        state.mix_key(self._ephemeral, remote)
        state.mix_key(self._static, remote)
        payload = state.open(bytes(reply[KEY_BYTES:]))
        self._step = _Step.DONE
        sending, receiving = state.split()
        return payload, Keys(sending, receiving, state.hash)


class Responder:
    """The end that answers one hello. Only tests give an ephemeral key.

    Each method succeeds once only: to send a reply again, keep its bytes.
    """

    def __init__(
        self, static: PrivateKey, prologue: bytes, ephemeral: PrivateKey | None = None
    ) -> None:
        self._static = static
        self._ephemeral = ephemeral or PrivateKey.generate()
        self._state = _Symmetric(prologue, public(static))
        self._step = _Step.FIRST
        self._remote = self._remote_ephemeral = b''

    def read(self, hello: bytes) -> tuple[bytes, bytes]:
        """The payload of the first message, and the initiator's public key.

        The caller compares that key with the one it expects. Raises BadSeal if the message is no
        hello to this key; another one may be read instead.
        """
        _check(self._step is _Step.FIRST, 'hello', len(hello), HELLO_BYTES)
        state, ephemeral = copy(self._state), bytes(hello[:KEY_BYTES])
        state.mix_hash(ephemeral)
        state.mix_key(self._static, ephemeral)
        end = 2 * KEY_BYTES + TAG_BYTES
        remote = state.open(bytes(hello[KEY_BYTES:end]))
        state.mix_key(self._static, remote)
        payload = state.open(bytes(hello[end:]))
        self._state, self._step = state, _Step.SECOND
        self._remote, self._remote_ephemeral = remote, ephemeral
        return payload, remote

    def reply(self, payload: bytes) -> tuple[bytes, Keys]:
        """The second message, `REPLY_BYTES` longer than its payload, and the keys.

        Raises BadSeal if it would be too long, before a hello was read, or on the second call.
        """
        _check(self._step is _Step.SECOND, 'reply', REPLY_BYTES + len(payload), REPLY_BYTES)
        state, ephemeral = copy(self._state), public(self._ephemeral)
        state.mix_hash(ephemeral)
        state.mix_key(self._ephemeral, self._remote_ephemeral)
        state.mix_key(self._ephemeral, self._remote)
        reply = ephemeral + state.seal(payload)
        self._step = _Step.DONE
        receiving, sending = state.split()
        return reply, Keys(sending, receiving, state.hash)


def _check(in_turn: bool, what: str, size: int, least: int) -> None:
    """Raises BadSeal if a message comes out of turn, or with an impossible size in bytes."""
    if not in_turn:
        raise BadSeal(f'{what}: out of turn')
    if not least <= size <= MESSAGE_BYTES:
        raise BadSeal(f'{what} of {size} bytes: from {least} to {MESSAGE_BYTES}')


def _nonce(counter: int) -> bytes:
    """Noise's nonce of 12 bytes for ChaCha20-Poly1305: 32 zero bits, then the counter."""
    if not 0 <= counter <= LAST_COUNTER:
        raise BadSeal(f'counter={counter}: from 0 to {LAST_COUNTER}')
    return bytes(4) + counter.to_bytes(8, 'little')


def _hkdf(chaining: bytes, material: bytes) -> tuple[bytes, bytes]:
    """Noise's HKDF with two outputs of 32 bytes each."""
    secret = hmac.digest(chaining, material, 'sha256')
    first = hmac.digest(secret, b'\x01', 'sha256')
    return first, hmac.digest(secret, first + b'\x02', 'sha256')
