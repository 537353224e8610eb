"""The sizes of a SAM and the cut through it: which blocks a worker runs, and which the edge."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from pedsam_ros.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The sizes of a SAM image encoder. Source: SAM build_sam.py.

    Raises ConfigError if the sizes do not fit each other.
    """

    name: str
    dim: int  # channels of a token
    depth: int  # blocks
    heads: int
    global_blocks: tuple[int, ...]  # with global attention; all others attend within windows
    image_px: int = 1024  # side of the canvas, px
    patch_px: int = 16  # side of a token, px
    window: int = 14  # side of a window, tokens
    embedding_dim: int = 256  # channels of the neck's output and of the decoder
    refine_px: int = 0  # side of the crops on which masks are refined, px; 0: not refined

    def __post_init__(self) -> None:
        sizes = (self.dim, self.depth, self.heads, self.image_px, self.patch_px, self.window)
        if min(sizes) < 1 or self.dim % self.heads or self.embedding_dim % 8:
            raise ConfigError(
                f'{self}: sizes must be positive, heads must divide dim, and 8 embedding_dim'
            )
        if self.image_px % self.patch_px:
            raise ConfigError(
                f'image_px={self.image_px}: not a multiple of patch_px={self.patch_px}'
            )
        if self.refine_px % 8 or self.refine_px < 0:
            raise ConfigError(f'refine_px={self.refine_px}: not 0 or a positive multiple of 8')
        if not set(self.global_blocks) < set(range(self.depth)):
            raise ConfigError(
                f'global_blocks={self.global_blocks}: not a proper subset of 0..{self.depth - 1}'
            )

    @property
    def tokens(self) -> int:
        """Side of the canvas in tokens."""
        return self.image_px // self.patch_px

    @property
    def window_px(self) -> int:
        """Side of a window in px."""
        return self.window * self.patch_px

    @property
    def worker_blocks(self) -> tuple[int, ...]:
        """The blocks that a worker runs, with window attention. Source: paper, section 4."""
        return tuple(i for i in range(self.depth) if i not in self.global_blocks)

    @property
    def edge_blocks(self) -> tuple[int, ...]:
        """The blocks that the edge runs, with global attention."""
        return tuple(sorted(self.global_blocks))

    @property
    def block_order(self) -> tuple[int, ...]:
        """The blocks in the order of the reordered encoder: window blocks, then global ones.

        Each block keeps its own weights.
        """
        return self.worker_blocks + self.edge_blocks

    def to_json(self) -> str:
        """Writes the sizes as JSON. Equal architectures give equal texts, which can be hashed."""
        return json.dumps(asdict(self), sort_keys=True, separators=(',', ':'))

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Reads what `to_json` wrote. Raises ConfigError if `text` is anything else."""
        try:
            fields: dict[str, Any] = json.loads(text)
            fields['global_blocks'] = tuple(fields['global_blocks'])
            return cls(**fields)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f'architecture={text[:80]!r}: not an architecture ({error})'
            ) from None


ARCHITECTURES = {
    arch.name: arch
    for arch in (
        Architecture(name='vit_h', dim=1280, depth=32, heads=16, global_blocks=(7, 15, 23, 31)),
        Architecture(name='vit_l', dim=1024, depth=24, heads=16, global_blocks=(5, 11, 17, 23)),
        Architecture(name='vit_b', dim=768, depth=12, heads=12, global_blocks=(2, 5, 8, 11)),
        Architecture(
            name='vit_tiny',
            dim=192,
            depth=8,
            heads=6,
            global_blocks=(3, 7),
            image_px=288,
            window=4,
            embedding_dim=128,
            refine_px=64,
        ),
    )
}
