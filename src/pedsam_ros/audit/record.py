"""Plays frames through the product's own edge, and records what it hands to the links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pedsam_ros.audit.recording import Moment, Recording, Sent
from pedsam_ros.core import wire
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.edge_compute import EdgeCompute
from pedsam_ros.core.errors import ExposureError
from pedsam_ros.core.in_flight import Assignment
from pedsam_ros.core.noise import TAG_BYTES
from pedsam_ros.core.outbound import neutral
from pedsam_ros.core.placement import LOCAL, place
from pedsam_ros.core.router import Region
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.types import Frame, FrameKey, Pixels
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry

NAMES = ('alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi')  # eight at most


def workers(count: int) -> list[WorkerEntry]:
    """Workers of an audit, each with a domain that nobody joins."""
    return [
        WorkerEntry(name=name, domain_id=domain_id)
        for domain_id, name in enumerate(NAMES[:count], 1)
    ]


def record(
    name: str,
    frames: Sequence[Pixels],
    model: EdgeCompute,
    entries: Sequence[WorkerEntry],
    config: EdgeConfig | None = None,
    regions: Sequence[Region] = (),
) -> Recording:
    """Shows (H, W, 3) uint8 frames to an edge, one after the other, with every worker there.

    The edge has shown nobody anything before, and gets a frame a second. `regions` never leave the
    edge: x0, y0, x1, y1, image px. A frame that the edge refuses is recorded with nothing sent. A
    frame alone is cut as `of_a_still` says. Raises ConfigError if the placement cannot be made.
    """
    config = config or EdgeConfig()
    if len(frames) == 1:
        config = of_a_still(config)
    edge = _edge(model, entries, config)
    for region in regions:
        edge.router.protect(region, float('inf'))
    usable = {entry.name for entry in entries}
    moments = [_moment(edge, number, rgb, usable) for number, rgb in enumerate(frames)]
    names = [entry.name for entry in entries if not entry.spare]
    ledger = {worker: _share(edge, worker) for worker in names}
    return Recording(name, model.arch, names, moments, ledger)


def of_a_still(config: EdgeConfig) -> EdgeConfig:
    """The same settings with windows fixed to the image. In one frame nothing moves: windows fixed
    to the scene would show as much, somewhere else, of a picture that is a little smaller."""
    rules = replace(config.placement, anchor='image', max_coverage=0.0)
    return replace(config, placement=rules)


def _edge(model: EdgeCompute, entries: Sequence[WorkerEntry], config: EdgeConfig) -> Edge:
    if config.placement.anchor == 'scene':
        return Edge(model, {}, config, scene=Scene(model.arch, entries, config.placement))
    return Edge(model, place(pixel_grid(model.arch), entries, config.placement), config)


def _share(edge: Edge, worker: str) -> float:
    """What a worker has seen, as the edge says: of all window positions, or of the last view that
    was found in the scene."""
    return edge.scene.coverage[worker] if edge.scene else edge.ledger.share(worker)


def _moment(edge: Edge, number: int, rgb: Pixels, usable: set[str]) -> Moment:
    now_s = float(number)
    frame = Frame(FrameKey(number, ''), rgb, now_s)
    laid = edge.lay(frame, now_s)
    truth = edge.model.resize(rgb, laid.canvas.content)
    edge.arrive()
    try:
        started, assignments = edge.start(frame, now_s, usable, laid=laid)
    except ExposureError:
        edge.end('failed')
        return Moment(laid.canvas, truth, ())
    edge.finish(started, 'failed')  # nobody computes it
    out = [each for each in assignments if each.worker != LOCAL]
    grey = frozenset(each.window.index for each in out if neutral(each.window.pixels))
    return Moment(laid.canvas, truth, [_sent(edge, each) for each in out], grey)


def _sent(edge: Edge, assignment: Assignment) -> Sent:
    window = assignment.window
    least = wire.window_size(edge.model.arch) if edge.config.pad else 0
    content = window.pixels.tobytes()  # the other fields have the same size in every message
    size = TAG_BYTES + len(wire.padded(content, least))
    return Sent(assignment.worker, window.index, window.pixels, size)
