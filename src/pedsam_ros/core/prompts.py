"""Makes prompts from parameters, and checks the rules that every prompt must keep."""

from __future__ import annotations

from collections.abc import Sequence

from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.core.types import Prompt


def prompts_from_flat(points: Sequence[float], boxes: Sequence[float]) -> tuple[Prompt, ...]:
    """Makes one prompt of each x, y in `points`, then one of each x0, y0, x1, y1 in `boxes`.

    All numbers are image px. Raises BadPrompt if some are left over.
    """
    if len(points) % 2 or len(boxes) % 4:
        raise BadPrompt(
            f'{len(points)} numbers of points, {len(boxes)} of boxes: '
            'a point has 2 numbers, a box 4'
        )
    pairs = zip(points[::2], points[1::2], strict=True)
    corners = zip(boxes[::4], boxes[1::4], boxes[2::4], boxes[3::4], strict=True)
    return tuple(Prompt(points=((x, y, 1),)) for x, y in pairs) + tuple(
        Prompt(box=box) for box in corners
    )


def check_prompt(prompt: Prompt, height: int, width: int) -> None:
    """Checks that a prompt has a point or a box, and that it lies within the image.

    `height` and `width` are the image's size in px. Raises BadPrompt.
    """
    if not prompt.points and prompt.box is None:
        raise BadPrompt('prompt without a point or a box')
    for x, y, label in prompt.points:
        if label not in (0, 1):
            raise BadPrompt(f'label={label}: 1 (on the object) or 0 (not on it)')
        if not (0 <= x < width and 0 <= y < height):
            raise BadPrompt(f'point=({x}, {y}): outside the image of {width}x{height} px')
    if prompt.box is not None:
        x0, y0, x1, y1 = prompt.box
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise BadPrompt(
                f'box={prompt.box}: not x0 < x1, y0 < y1 within the image of {width}x{height} px'
            )
