"""The operator's word: a proof that whoever calls a service knows the edge's secret.

The edge hands out a challenge, a random number. The proof is an HMAC-SHA256 of it, of the node
and of what is asked, under a secret that only the operator's files hold. A right proof uses its
challenge up, so no request can be replayed, not even to an edge that was started again, and no
clock is needed. A wrong proof changes nothing, so a flood of them locks nobody out.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from contextlib import suppress
from pathlib import Path

from pedsam_ros.core import private_files
from pedsam_ros.core.errors import ConfigError

_SECRET = re.compile(r'[0-9a-f]{64}')
_BYTES = 65  # of the secret's file: one line
_DIGITS = 64  # of a proof; what is asked is shorter


def proof(secret: str, challenge: str, node: str, *asked: str) -> str:
    """The proof of a request: 64 hexadecimal digits.

    `node` is the edge's fully qualified name; `asked` names the service, then what it is asked.
    """
    parts = [part.encode(errors='replace') for part in (challenge, node, *asked)]
    told = b''.join(len(part).to_bytes(4, 'big') + part for part in parts)
    return hmac.new(bytes.fromhex(secret), told, hashlib.sha256).hexdigest()


class OperatorWord:
    """What an edge asks of those who call it: a proof for `challenge`."""

    def __init__(self, secret: str, node: str) -> None:
        self._secret, self._node = secret, node
        self.challenge = secrets.token_hex(16)

    def accepts(self, given: str, *asked: str) -> bool:
        """Whether a proof is right for what is asked. If so, there is a new challenge."""
        if len(given) != _DIGITS or max(map(len, asked)) > _DIGITS:
            return False  # before it costs anything: DDS does not keep the bounds of strings
        right = proof(self._secret, self.challenge, self._node, *asked)
        if not hmac.compare_digest(given.encode(errors='replace'), right.encode()):
            return False
        self.challenge = secrets.token_hex(16)
        return True


def read_secret(path: Path) -> str:
    """The secret in a file of this user's alone. Raises ConfigError, which never shows it."""
    try:
        text = private_files.read(path.expanduser(), _BYTES).decode().removesuffix('\n')
    except (RuntimeError, UnicodeDecodeError) as error:  # Runtime: no ~
        raise ConfigError(f'{path}: {type(error).__name__}: no secret of an operator') from None
    if not _SECRET.fullmatch(text):
        raise ConfigError(f'{path}: no secret of an operator: 64 hexadecimal digits are expected')
    return text


def read_or_make_secret(path: Path) -> str:
    """The secret in a file, which is made if it is not there. Raises ConfigError."""
    try:
        place = path.expanduser()
        with suppress(FileExistsError):
            private_files.create(place, f'{secrets.token_hex(32)}\n'.encode())
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f'{path}: cannot be made: {error}') from None
    return read_secret(place)
