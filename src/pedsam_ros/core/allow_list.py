"""What may be visible in a worker's domain: one list for the test, the SROS2 policies and the
documents.

Two nodes are there: the edge's and the worker's. Neither serves or calls a service. Every node of
ROS publishes `/parameter_events`, which cannot be switched off.
"""

from __future__ import annotations

from dataclasses import dataclass

EDGE_NODE, WORKER_NODE = 'pedsam_client', 'pedsam_worker'
_TO_WORKER, _TO_EDGE = ('windows',), ('embeddings', 'status')
_OF_EVERY_NODE = '/parameter_events'


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two nodes: its name, and all topics that it may publish and subscribe to."""

    node: str
    publishes: frozenset[str]
    subscribes: frozenset[str]


def topic(worker: str, what: str) -> str:
    """The name of a worker's topic; `what` is windows, embeddings or status."""
    return f'/pedsam/{worker}/{what}'


def enclave(worker: str, side: str) -> str:
    """SROS2's name for the rights of one side of a worker's domain: 'edge' or 'worker'."""
    return f'/pedsam/{worker}/{side}'


def sides(worker: str) -> dict[str, Side]:
    """The two nodes of a worker's domain: 'edge' and 'worker'."""
    to_worker = frozenset(topic(worker, what) for what in _TO_WORKER)
    to_edge = frozenset(topic(worker, what) for what in _TO_EDGE)
    return {
        'edge': Side(EDGE_NODE, to_worker | {_OF_EVERY_NODE}, to_edge),
        'worker': Side(WORKER_NODE, to_edge | {_OF_EVERY_NODE}, to_worker),
    }
