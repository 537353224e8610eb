"""What the times of sealed messages tell: when a frame is sent, and whether a busy picture takes
longer. Only real processes have times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pedsam_ros.audit.recording import Recording
from pedsam_ros.audit.transcripts import detail

_LEAST = 8  # frames, for a correlation


def timing(recordings: Sequence[Recording]) -> dict[str, Any] | None:
    """What an eavesdropper in the first worker's domain has of the times; None without any.

    `burst_s` is how long a frame's messages take, `apart_s` the time between two frames, both
    medians. `correlation_with_detail` is that of a burst with the detail in the frame; 0 is good.
    """
    bursts, details, gaps = list[float](), list[float](), list[float]()
    for recording in recordings:
        by_frame = defaultdict(list)
        for message in recording.messages():
            if message.worker == recording.workers[0] and np.isfinite(message.at_s):
                by_frame[message.frame].append(message.at_s)
        for frame, times in by_frame.items():
            bursts.append(max(times) - min(times))
            details.append(detail(recording.moments[frame].truth))
        ends = [(min(times), max(times)) for _, times in sorted(by_frame.items())]
        gaps += [later[0] - earlier[1] for earlier, later in pairwise(ends)]
    if not bursts:
        return None
    known = len(bursts) >= _LEAST and min(np.std(bursts), np.std(details)) > 0
    return {
        'frames': len(bursts),
        'burst_s': float(np.median(bursts)),
        'apart_s': float(np.median(gaps)) if gaps else None,
        'correlation_with_detail': float(np.corrcoef(bursts, details)[0, 1]) if known else None,
    }
