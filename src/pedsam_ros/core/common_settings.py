"""Settings of more than one node, and limits, each as a function that makes its field."""

from __future__ import annotations

from typing import Any

from pedsam_ros.core import prompts
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.image_bombs import MAX_PIXELS
from pedsam_ros.core.settings import setting

BACKENDS = {  # what computes a half -> in which precisions
    'torch': ('float32', 'float16', 'bfloat16'),
    'onnx': ('float32', 'float16', 'int8'),
}
PRECISIONS = tuple(dict.fromkeys(each for some in BACKENDS.values() for each in some))
NAME = r'[a-z][a-z0-9_]{0,31}'
NAME_FORM = 'a small letter, then at most 31 small letters, digits and _'


def image_transport(**rule: Any) -> Any:
    """Which of the two image topics a node reads."""
    text = (
        'whether to read the topic image (raw), image/compressed (compressed) or the one that is '
        'published (auto)'
    )
    return setting('raw', text, choices=('raw', 'compressed', 'auto'), **rule)


def max_image_px(**rule: Any) -> Any:
    """The largest image that a node reads."""
    return setting(
        MAX_PIXELS,
        'largest number of pixels of an image; a larger one is refused by its header',
        unit='px',
        low=1,
        high=2**28,
        **rule,
    )


def most_prompts() -> Any:
    """How many prompts a request, a message or the parameters may have."""
    text = 'largest number of prompts that come together'
    return setting(prompts.MOST_PROMPTS, text, low=1, high=prompts.MOST_PROMPTS)


def most_points() -> Any:
    """How many points these prompts may have."""
    text = 'largest number of points of all prompts that come together'
    highest = prompts.MOST_PROMPTS * prompts.MOST_POINTS
    return setting(prompts.MOST_POINTS_IN_ALL, text, low=1, high=highest)


def checkpoint(half: str) -> Any:
    """Where a node finds the weights of its half."""
    return setting(
        '',
        f'{half} half of the weights, or a whole model: a file (.safetensors, .pth), '
        "'vit_tiny' or 'random:ARCH:SEED'",
    )


def device(half: str) -> Any:
    """What the half of the model runs on."""
    return setting('cpu', f'torch device of the {half} half, such as cpu, cuda or cuda:0')


def precision(blocks: str) -> Any:
    """The type in which some blocks compute."""
    text = f'arithmetic of the {blocks} blocks; int8 is for backend onnx, bfloat16 for torch'
    return setting('float32', text, choices=PRECISIONS)


def backend(half: str) -> Any:
    """What computes the half of the model."""
    text = (
        f'what computes the {half} half: torch, or ONNX Runtime from what pedsam export wrote '
        'beside the checkpoint'
    )
    return setting('torch', text, choices=tuple(BACKENDS))


def check_backend(backend: str, precision: str) -> None:
    """Raises ConfigError unless the backend, one of BACKENDS, has the precision."""
    if precision not in BACKENDS[backend]:
        raise ConfigError(
            f'precision={precision}: backend {backend} has {", ".join(BACKENDS[backend])}'
        )


def threads() -> Any:
    """How many threads torch may use."""
    return setting(0, 'number of torch threads (0 takes one for each core)', low=0, high=1024)


def key_folder() -> Any:
    """Where a node finds its keys."""
    text = "folder of this host's keys, as pedsam keys makes it; if empty, pedsam/keys in ROS_HOME"
    return setting('', text, fixed=True)


def insecure() -> Any:
    """Whether messages may be plain."""
    return setting(
        False,
        "send and take plain messages, which anybody in a worker's domain can read and forge",
        fixed=True,
    )


def pad(what: str) -> Any:
    """Whether all messages of a topic have one size."""
    return setting(True, f'fill every {what} up to one size, which tells less; off saves bytes')


def autostart() -> Any:
    """Whether a node is its own lifecycle manager."""
    return setting(
        False, 'configure and activate at start, without a lifecycle manager', fixed=True
    )


def share(default: float, text: str, **rule: Any) -> Any:
    """A share, 0..1."""
    return setting(default, text, low=0.0, high=1.0, **rule)
