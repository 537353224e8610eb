"""The exposure ledger as a message."""

from __future__ import annotations

from array import array

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from pedsam_ros.core.ledger import Ledger
from pedsam_ros.msg import Exposure as ExposureMsg
from pedsam_ros.msg import WorkerExposure as WorkerExposureMsg

_NS = 10**9
_LAST_S = 2**31 - 1  # that a Time can hold


def exposure_to_msg(ledger: Ledger, now: Time, insecure: bool = False) -> ExposureMsg:
    """Turns the ledger into a message; `now` is its stamp. If `insecure`, others may have seen
    all of it."""
    return ExposureMsg(
        header=Header(stamp=now),
        side=ledger.grid.side,
        cap=ledger.cap(),
        insecure=insecure,
        workers=[_exposure_to_msg(ledger, name) for name in ledger.workers],
    )


def _exposure_to_msg(ledger: Ledger, name: str) -> WorkerExposureMsg:
    seen = ledger.workers[name]
    return WorkerExposureMsg(
        name=name,
        windows=array('H', sorted(seen.windows)),
        share=ledger.share(name),
        largest_region=ledger.largest_region(name),
        frames=seen.frames,
        first=_time(seen.first_s),
        last=_time(seen.last_s),
        stands_in_for=ledger.stands_in.get(name, ''),
    )


def _time(unix_s: float) -> Time:
    unix_s = min(unix_s, _LAST_S)
    whole = int(unix_s)
    return Time(sec=whole, nanosec=int((unix_s - whole) * _NS))
