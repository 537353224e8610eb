"""The exposure ledger as a message."""

from __future__ import annotations

from array import array

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from pedsam_ros.core.kept_here import KeptHere
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.scene import Scene
from pedsam_ros.msg import Exposure as ExposureMsg
from pedsam_ros.msg import WorkerExposure as WorkerExposureMsg

UNKNOWN = -1.0  # coverage where windows are fixed to the image, or of who is no worker any more
_NS = 10**9
_LAST_S = 2**31 - 1  # that a Time can hold


def exposure_to_msg(
    ledger: Ledger,
    now: Time,
    insecure: bool = False,
    scene: Scene | None = None,
    kept_here: KeptHere | None = None,
) -> ExposureMsg:
    """Turns the ledger, and the scene if windows are fixed to it, into a message; `now` is its
    stamp. If `insecure`, others may have seen all of it. `kept_here` tells what was computed on
    the edge."""
    kept_here = kept_here or KeptHere()
    message = ExposureMsg(
        header=Header(stamp=now),
        side=ledger.grid.side,
        cap=scene.limit if scene else ledger.cap(),
        insecure=insecure,
        anchor='scene' if scene else 'image',
        computed_here=sum(kept_here.shares().values()),
        workers=[_exposure_to_msg(ledger, name, scene, kept_here) for name in ledger.workers],
    )
    if scene:
        totals = scene.totals
        message.scene_state = scene.state.value if scene.state else ''
        message.scenes, message.frames = totals.scenes, totals.frames
        message.frames_lost = totals.lost
    return message


def _exposure_to_msg(
    ledger: Ledger, name: str, scene: Scene | None, kept_here: KeptHere
) -> WorkerExposureMsg:
    seen = ledger.workers[name]
    coverage = scene.coverage.get(name, UNKNOWN) if scene else UNKNOWN
    largest = scene.totals.largest.get(name, UNKNOWN) if scene else UNKNOWN
    return WorkerExposureMsg(
        name=name,
        windows=array('H', sorted(seen.windows)),
        share=ledger.share(name),
        largest_region=ledger.largest_region(name),
        coverage=coverage,
        largest_coverage=largest,
        windows_held=kept_here.held[name],
        frames=seen.frames,
        first=_time(seen.first_s),
        last=_time(seen.last_s),
        stands_in_for=ledger.stands_in.get(name, ''),
    )


def _time(unix_s: float) -> Time:
    unix_s = min(unix_s, _LAST_S)
    whole = int(unix_s)
    return Time(sec=whole, nanosec=int((unix_s - whole) * _NS))
