"""Prompts from parameters, and the rules every prompt must keep."""

from __future__ import annotations

from collections.abc import Sequence

from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.core.types import Prompt


def prompts_from_flat(points: Sequence[float], boxes: Sequence[float]) -> tuple[Prompt, ...]:
    """One prompt for each x, y of `points`, then one for each x0, y0, x1, y1 of `boxes`; image px.

    Raises BadPrompt if a number is left over.
    """
    if len(points) % 2 or len(boxes) % 4:
        raise BadPrompt(
            f'{len(points)} numbers of points, {len(boxes)} of boxes: not 2, not 4 each'
        )
    pairs = zip(points[::2], points[1::2], strict=True)
    corners = zip(boxes[::4], boxes[1::4], boxes[2::4], boxes[3::4], strict=True)
    return tuple(Prompt(points=((x, y, 1),)) for x, y in pairs) + tuple(
        Prompt(box=box) for box in corners
    )


def check_prompt(prompt: Prompt, height: int, width: int) -> None:
    """Raises BadPrompt unless the prompt says something, and lies within the image of height x
    width px."""
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
