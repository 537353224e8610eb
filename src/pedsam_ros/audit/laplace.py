"""Solves Laplace's equation between pixels that are known.

The picture is a net of equal resistors between neighbours; a known pixel is held at its colour,
and nothing flows over the picture's edge. Conjugate gradients find the balance. Coarser nets,
made by joining 2x2 pixels, precondition them. Source: Notay, SIAM J. Sci. Comput. 2012
(aggregation multigrid).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.attack import Picture, Seen

_MOST_STEPS = 200
_DAMPING = 0.8  # of a Jacobi step
_SHORTEN = 1.8  # constant steps between joined pixels fall short by about this
_LEAST_SIDE = 2  # of the coarsest net
_TINY = 1e-20  # keeps quotients finite for a colour that is solved

Field: TypeAlias = NDArray[np.float32]  # (C, H, W) colours, or (H, W) of a net


@dataclass(frozen=True, slots=True, eq=False)
class _Net:
    """Conductances of one level: to the right, downwards, and to what is known."""

    right: Field  # (H, W - 1)
    down: Field  # (H - 1, W)
    fixed: Field  # (H, W)
    inverse: Field  # (H, W): 1 / the sum of a node's conductances, 0 for a node without any

    @classmethod
    def of(cls, right: Field, down: Field, fixed: Field) -> _Net:
        total = fixed.copy()
        _add_across(total, right, right)
        _add_along(total, down, down)
        inverse = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
        return cls(right, down, fixed, inverse)

    def flow(self, x: Field) -> Field:
        """What flows out of each node at these potentials."""
        out = self.fixed * x
        across = self.right * (x[..., 1:] - x[..., :-1])
        _add_across(out, across, -across)
        along = self.down * (x[..., 1:, :] - x[..., :-1, :])
        _add_along(out, along, -along)
        return out

    def joined(self) -> _Net:
        """The net whose nodes are 2x2 of this one's."""
        right = _pairs(self.right[:, 1::2], -2)
        down = _pairs(self.down[1::2], -1)
        return _Net.of(right, down, _by_four(self.fixed))


def _add_across(out: Field, to_right: Field, to_left: Field) -> None:
    out[..., 1:] += to_right
    out[..., :-1] += to_left


def _add_along(out: Field, to_below: Field, to_above: Field) -> None:
    out[..., 1:, :] += to_below
    out[..., :-1, :] += to_above


def fill(picture: Picture, seen: Seen, tolerance: float = 0.5) -> Picture:
    """(H, W, 3) float32: every unseen pixel is the mean of its neighbours.

    `tolerance` is about the largest error left, in grey levels. Raises ValueError if nothing was
    seen.
    """
    if not seen.any():
        raise ValueError('nothing was seen')
    known = np.where(seen, np.moveaxis(picture, -1, 0), 0).astype(np.float32)
    free = (~seen).astype(np.float32)
    nets = _nets(free)
    x = _solve(nets, _around(known) * free, tolerance)
    return np.ascontiguousarray(np.moveaxis(np.where(seen, known, x), 0, -1))


def _nets(free: Field) -> list[_Net]:
    """The nets, the finest first. Known pixels are no nodes: they have no conductance."""
    right, down = free[:, 1:] * free[:, :-1], free[1:] * free[:-1]
    nets = [_Net.of(right, down, _around(1 - free) * free)]
    while max(nets[-1].fixed.shape) > _LEAST_SIDE:
        nets.append(nets[-1].joined())
    return nets


def _around(values: Field) -> Field:
    """The sum of each pixel's neighbours."""
    out = np.zeros_like(values)
    _add_across(out, values[..., :-1], values[..., 1:])
    _add_along(out, values[..., :-1, :], values[..., 1:, :])
    return out


def _pairs(values: Field, axis: int) -> Field:
    """Sums of two neighbours along an axis; the last may be alone."""
    if not values.shape[axis]:
        return values
    return np.add.reduceat(values, np.arange(0, values.shape[axis], 2), axis)


def _by_four(values: Field) -> Field:
    """Sums of 2x2 neighbours."""
    return _pairs(_pairs(values, -2), -1)


def _apart(values: Field, like: Field) -> Field:
    """Each value for the 2x2 nodes that it was joined from."""
    height, width = like.shape[-2:]
    return values.repeat(2, -2)[..., :height, :].repeat(2, -1)[..., :width]


def _cycle(nets: list[_Net], level: int, source: Field) -> Field:
    """A step towards the potentials: a V-cycle with a Jacobi step before and one after."""
    net = nets[level]
    x = _DAMPING * net.inverse * source
    if level + 1 < len(nets):
        left = _by_four(source - net.flow(x))
        x += _SHORTEN * _apart(_cycle(nets, level + 1, left), x)
    x += _DAMPING * net.inverse * (source - net.flow(x))
    return x


def _solve(nets: list[_Net], source: Field, tolerance: float) -> Field:
    """Conjugate gradients, for all colours at once, in steps that a V-cycle proposes."""
    x, step, before, left = (np.zeros_like(source), np.zeros_like(source), source, source)
    old: NDArray[np.float32] | float = 1.0
    for _ in range(_MOST_STEPS):
        wanted = _cycle(nets, 0, left)
        if float(np.abs(wanted).max()) < tolerance:
            break
        new = _dot(left, wanted)
        share = np.maximum(new - _dot(before, wanted), 0) / old  # the cycle is not symmetric
        step = wanted + step * share
        out = nets[0].flow(step)
        length = new / np.maximum(_dot(step, out), _TINY)
        before, old = left, np.maximum(new, _TINY)
        x, left = x + length * step, left - length * out
    return x


def _dot(a: Field, b: Field) -> NDArray[np.float32]:
    """(C, 1, 1): the scalar product of each colour."""
    return np.asarray(np.einsum('chw,chw->c', a, b)[:, None, None], np.float32)
