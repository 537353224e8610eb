"""Calls of the edge's services that need the operator's word.

`call` sends a request to the service, and returns the response. It is called twice: the first
request has no proof and asks for the edge's challenge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pedsam_ros.core.operator_word import proof
from pedsam_ros.srv import Release, ResetExposure

RELEASE, RESET = 'release', 'reset_exposure'  # names of the services, below the edge's
Call = Callable[[Any], Any]


def release(call: Call, secret: str, edge: str, worker: str) -> Release.Response:
    """Releases a worker from quarantine. `edge` is the fully qualified name of the node."""
    return _prove(call, Release.Request(worker=worker), secret, edge, RELEASE, worker)


def reset_exposure(call: Call, secret: str, edge: str) -> ResetExposure.Response:
    """Clears the exposure ledger. `edge` is the fully qualified name of the node."""
    return _prove(call, ResetExposure.Request(), secret, edge, RESET)


def _prove(call: Call, request: Any, secret: str, edge: str, *asked: str) -> Any:
    response = call(request)
    if response.challenge:
        request.proof = proof(secret, response.challenge, edge, *asked)
        response = call(request)
    return response
