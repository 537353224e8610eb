"""The sizes of a SAM and the cut through it: which blocks a worker runs, and which the edge."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from pedsam_ros.core.common_settings import NAME, NAME_FORM
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.foreign_text import parsed_json
from pedsam_ros.core.shown import shown, written

STEM_PX = 16  # side of a token that a stem makes, px
FINE_PER_SIDE = 4  # places of the stem's features along the side of a token
MOST_TOKENS = 128  # along a side of the canvas; SAM has 64
MOST_WEIGHTS = 2**33  # of all blocks; ViT-H has 0.6 * 10^9
_MOST_BYTES = 4096  # of a header
_BOUNDS = {  # the least and the most of each size; ViT-H is far from all of them
    'dim': (1, 4096),
    'depth': (1, 128),
    'heads': (1, 128),
    'image_px': (1, 4096),
    'patch_px': (1, 256),
    'window': (1, 64),
    'embedding_dim': (16, 1024),
    'refine_px': (0, 512),
    'fine_dim': (0, 64),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The sizes of a SAM image encoder. Source: SAM build_sam.py.

    Raises ConfigError if a size is no whole number within its bounds, or does not fit the others.
    The bounds hold before anything is made of these sizes.
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
    fine_dim: int = 0  # channels of the stem's features at stride 4; 0: no stem, SAM's own modules

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and re.fullmatch(NAME, self.name)):
            raise ConfigError(f'name={written(self.name)}: {NAME_FORM}')
        for size, (low, high) in _BOUNDS.items():
            value = getattr(self, size)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(f'{size}={written(value)}: a whole number from {low} to {high}')
        self._check_fit()

    def _check_fit(self) -> None:
        """Raises ConfigError if sizes within their bounds do not fit each other."""
        if self.dim % self.heads or self.embedding_dim % 16:
            raise ConfigError(
                f'dim={self.dim}, heads={self.heads}, embedding_dim={self.embedding_dim}: '
                'heads must divide dim, and 16 embedding_dim'
            )
        if self.image_px % self.patch_px:
            raise ConfigError(
                f'image_px={self.image_px}: not a multiple of patch_px={self.patch_px}'
            )
        if self.tokens > MOST_TOKENS:
            raise ConfigError(
                f'image_px={self.image_px}, patch_px={self.patch_px}: a side of {self.tokens} '
                f'tokens; at most {MOST_TOKENS}'
            )
        if (weights := 12 * self.depth * self.dim**2) > MOST_WEIGHTS:
            raise ConfigError(
                f'depth={self.depth}, dim={self.dim}: {weights} weights; at most {MOST_WEIGHTS}'
            )
        self._check_fine()
        blocks = self.global_blocks
        if not (
            isinstance(blocks, tuple)
            and len(blocks) < self.depth
            and all(type(block) is int for block in blocks)
            and set(blocks) < set(range(self.depth))
        ):
            raise ConfigError(
                f'global_blocks={written(blocks)}: not a proper subset of 0..{self.depth - 1}'
            )

    def _check_fine(self) -> None:
        """Raises ConfigError if the sizes of stem and refiner do not fit."""
        per_token = FINE_PER_SIDE**2
        if self.fine_dim and (self.patch_px != STEM_PX or per_token * self.fine_dim > self.dim):
            raise ConfigError(
                f'fine_dim={self.fine_dim}, patch_px={self.patch_px}, dim={self.dim}: a stem '
                f'takes patch_px={STEM_PX}, and a dim of at least {per_token} times fine_dim'
            )
        if self.refine_px % 8 or (self.refine_px and not self.fine_dim):
            raise ConfigError(
                f'refine_px={self.refine_px}, fine_dim={self.fine_dim}: refine_px is 0 or a '
                'positive multiple of 8, and 0 without a fine_dim'
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
            sizes: dict[str, Any] = parsed_json(text, _MOST_BYTES)
            sizes['global_blocks'] = tuple(sizes['global_blocks'])
            return cls(**sizes)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f'architecture={written(text)}: not an architecture ({shown(error)})'
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
            fine_dim=8,
        ),
    )
}
