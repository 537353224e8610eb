"""Makes prompts from parameters, and checks the rules that every prompt must keep.

A prompt that breaks a rule is refused; the others that came with it are answered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.core.types import Prompt, Refusal

MOST_PROMPTS = 1024  # asked together
MOST_POINTS = 64  # of one prompt
MOST_POINTS_IN_ALL = 4096  # of prompts that are asked together
NEAR_PX = 1.0  # a point that lies outside the image by no more is moved to the nearest pixel
_TOLD = 5  # refusals that one text names


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be asked together. It is checked before anything is made of a request."""

    prompts: int = MOST_PROMPTS
    points: int = MOST_POINTS_IN_ALL

    def check(self, prompts: int, points: int) -> None:
        """Raises BadPrompt if so many prompts, or points in all, are too many."""
        if prompts > self.prompts:
            raise BadPrompt(f'{prompts} prompts: at most {self.prompts} are answered together')
        if points > self.points:
            raise BadPrompt(f'{points} points in all: at most {self.points} are taken together')


USUAL = Limits()


def prompts_from_flat(
    points: Sequence[float], boxes: Sequence[float], limits: Limits = USUAL
) -> tuple[Prompt, ...]:
    """Makes one prompt of each x, y in `points`, then one of each x0, y0, x1, y1 in `boxes`.

    All numbers are image px. Raises BadPrompt if some are left over, if there are too many, or if
    a prompt would fit no image.
    """
    if len(points) % 2 or len(boxes) % 4:
        raise BadPrompt(
            f'{len(points)} numbers of points, {len(boxes)} of boxes: '
            'a point has 2 numbers, a box 4'
        )
    limits.check(len(points) // 2 + len(boxes) // 4, len(points) // 2)
    pairs = zip(points[::2], points[1::2], strict=True)
    corners = zip(boxes[::4], boxes[1::4], boxes[2::4], boxes[3::4], strict=True)
    prompts = tuple(Prompt(points=((x, y, 1),)) for x, y in pairs) + tuple(
        Prompt(box=box) for box in corners
    )
    for prompt in prompts:
        check_prompt(prompt)
    return prompts


def too_many_points(points: int) -> str:
    """Why so many points are too many for one prompt; empty if they are not."""
    return f'{points} points: at most {MOST_POINTS} in one prompt' if points > MOST_POINTS else ''


def check_prompt(prompt: Prompt) -> None:
    """Checks what can be said of a prompt without an image.

    It has a point or a box, not too many points, only finite numbers and known labels, and its box
    is in order. Raises BadPrompt.
    """
    if prompt.fault:
        raise BadPrompt(prompt.fault)
    if not prompt.points and prompt.box is None:
        raise BadPrompt('prompt without a point or a box')
    if fault := too_many_points(len(prompt.points)):
        raise BadPrompt(fault)
    for x, y, label in prompt.points:
        if label not in (0, 1):
            raise BadPrompt(f'label={label}: 1 (on the object) or 0 (not on it)')
        if not (math.isfinite(x) and math.isfinite(y)):
            raise BadPrompt(f'point=({x}, {y}): not two finite numbers')
    if prompt.box is not None:
        x0, y0, x1, y1 = prompt.box
        if not all(map(math.isfinite, prompt.box)):
            raise BadPrompt(f'box={prompt.box}: not four finite numbers')
        if not (x0 < x1 and y0 < y1):
            raise BadPrompt(f'box={prompt.box}: not x0 < x1, y0 < y1')


def fitted(prompt: Prompt, height: int, width: int) -> Prompt:
    """The prompt as it is answered on an image of height x width px.

    A box is cut at the borders; some of it must be left. A point outside by at most NEAR_PX is
    moved to the nearest pixel. A prompt that lies inside stays as it is. `check_prompt` must have
    accepted it. Raises BadPrompt if it lies outside.
    """
    points = tuple((*_near(x, y, height, width), label) for x, y, label in prompt.points)
    if prompt.box is None:
        return Prompt(points)
    x0, y0, x1, y1 = prompt.box
    box = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
    if not (box[0] < box[2] and box[1] < box[3]):
        raise BadPrompt(f'box={prompt.box}: outside the image of {width}x{height} px')
    return Prompt(points, box)


def sift(
    prompts: Iterable[Prompt], size: tuple[int, int] | None
) -> tuple[dict[int, Prompt], tuple[Refusal, ...]]:
    """The prompts that fit an image of (height, width) px, by their index, as `fitted` returns
    them; and why the others do not. Without a size, those that fit some image stay as they are."""
    good, refused = {}, []
    for index, prompt in enumerate(prompts):
        try:
            check_prompt(prompt)
            good[index] = prompt if size is None else fitted(prompt, *size)
        except BadPrompt as error:
            refused.append(Refusal(index, str(error)))
    return good, tuple(refused)


def told(refused: Sequence[Refusal]) -> str:
    """One text for people about some refusals; empty if there are none."""
    reasons = [f'prompt={each.prompt}: {each.reason}' for each in refused[:_TOLD]]
    if len(refused) > _TOLD:
        reasons.append(f'and {len(refused) - _TOLD} others')
    return '; '.join(reasons)


def _near(x: float, y: float, height: int, width: int) -> tuple[float, float]:
    if not (-NEAR_PX <= x <= width + NEAR_PX and -NEAR_PX <= y <= height + NEAR_PX):
        raise BadPrompt(f'point=({x}, {y}): outside the image of {width}x{height} px')
    inside_x = x if 0 <= x < width else min(max(x, 0.0), width - 1.0)
    inside_y = y if 0 <= y < height else min(max(y, 0.0), height - 1.0)
    return inside_x, inside_y
