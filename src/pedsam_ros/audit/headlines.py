"""The figures that one looks at first, of any audit: to put two of them side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pedsam_ros.audit import told
from pedsam_ros.audit.verdict import own_workers


def headlines(figures: Mapping[str, Any]) -> dict[str, told.Known | None]:
    """The figures by what they are about; None for one that was not measured."""
    count = own_workers(figures)
    one = told.inner(figures, 'single_frame', 'workers', count)
    two = told.inner(figures, 'coalitions', 'workers', count, '2')
    moving = told.inner(figures, 'over_time')
    coverage = told.inner(moving, 'coverage', 'true')
    things = told.inner(figures, 'content', 'workers', 'own')
    back = told.inner(figures, 'return_path', 'dtypes', _transport(figures))
    return {
        'one worker sees of one frame': told.known(one, 'share_seen'),
        'best guess of the rest, dB': best(told.groups(one, 'attacks'), 'gain_db'),
        'one worker was sent of a moving view': told.known(coverage, last_of(coverage)),
        'its panorama, dB': told.known(moving, 'reconstruction', 'panorama', 'gain_db'),
        'two workers see of one frame': told.known(two, 'share_seen'),
        'things whole with a given worker': told.known(things, 'things', 'all', 'given_worker'),
        'heads whole with a given worker': told.known(things, 'heads', 'given_worker'),
        'the way back, dB': best(told.groups(back), 'psnr_db'),
        'sizes of messages tell, bits': told.known(
            figures, 'side_channels', padding(figures), 'information_bits'
        ),
    }


def best(attacks: Mapping[str, Any], key: str) -> told.Known | None:
    """The largest of a figure that each attack has."""
    known = [each for name in attacks if (each := told.known(attacks, name, key)) is not None]
    return max(known, key=lambda each: each.mean, default=None)


def last_of(curve: Mapping[str, Any]) -> str:
    """The largest number of earlier frames that a curve has; empty if it has none."""
    return max(frames_of(curve), key=int, default='')


def frames_of(curve: Mapping[str, Any]) -> list[str]:
    """The numbers of earlier frames of a curve, in their order."""
    return sorted(filter(told.is_count, curve), key=int)


def padding(figures: Mapping[str, Any]) -> str:
    """Under which name the sizes of this edge's messages stand."""
    return 'unpadded' if told.at(figures, 'side_channels', 'pad') is False else 'padded'


def _transport(figures: Mapping[str, Any]) -> str:
    return str(told.at(figures, 'return_path', 'transport'))
