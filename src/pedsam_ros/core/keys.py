"""Keys as text: base64 of 32 bytes, 44 characters, as WireGuard writes them."""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pedsam_ros.core.errors import BadSeal, ConfigError
from pedsam_ros.core.noise import KEY_BYTES, PrivateKey, exchanged
from pedsam_ros.core.shown import written

FILE_BYTES = 45  # of a private key's file: its text and the end of the line
_FORM = 'a public key is 44 characters of base64, as pedsam keys show prints it'


def parse_public(text: str) -> bytes:
    """The 32 bytes of a public key. Raises ConfigError, which names the value and the rule."""
    raw = _decoded(text)
    if raw is None:
        raise ConfigError(f'{written(text)}: {_FORM}')
    try:
        exchanged(new_private(), raw)
    except BadSeal:  # all zero, or one of the few other points that make every secret known
        raise ConfigError(f'{written(text)}: no secret can be shared with this key') from None
    return raw


def public_text(raw: bytes) -> str:
    """The text of a public key of 32 bytes."""
    return base64.b64encode(raw).decode()


def new_private() -> PrivateKey:
    """A private key that nobody else has."""
    return PrivateKey.generate()


def private_line(private: PrivateKey) -> bytes:
    """The content of a private key's file: one line, which nobody else may see."""
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return base64.b64encode(raw) + b'\n'


def parse_private(content: bytes) -> PrivateKey:
    """The private key of a file's content. Raises ConfigError, which never shows the content."""
    raw = _decoded(content.decode('latin-1').removesuffix('\n'))
    if raw is None or raw == bytes(KEY_BYTES):
        raise ConfigError('holds no private key: one line of 44 characters of base64 is expected')
    return PrivateKey.from_private_bytes(raw)


def _decoded(text: str) -> bytes | None:
    """The 32 bytes that a text stands for; None unless it is exactly how they are written."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):  # no text, or no ASCII; no base64
        return None
    written = base64.b64encode(raw).decode()
    return raw if len(raw) == KEY_BYTES and written == text else None
