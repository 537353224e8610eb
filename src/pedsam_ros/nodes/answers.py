"""How masks are made: of a complete frame, and of the frame encoded last for a new prompt."""

from __future__ import annotations

from collections.abc import Callable

from pedsam_ros.core.edge import Edge
from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.core.in_flight import InFlight
from pedsam_ros.core.metrics import Metrics
from pedsam_ros.core.types import Masks, Prompt


class Answers:
    """Runs the edge's own half of the model and publishes. Runs on the computing thread."""

    def __init__(self, edge: Edge, publish: Callable[[Masks], None], metrics: Metrics) -> None:
        self._edge, self._publish, self._metrics = edge, publish, metrics
        self._prompts: tuple[Prompt, ...] = edge.config.prompts

    def publish(self, frame: InFlight) -> None:
        """Makes and publishes the masks of a complete frame; records how long each stage took.

        Raises BadReply if an audit, or the result, shows that a worker lied; BadPrompt.
        """
        timed, record = self._metrics.timed, self._metrics.record
        record('worker_s', frame.worker_s)
        if frame.back_s:  # something came back
            record('return_s', frame.back_s - frame.sent_s - frame.worker_s)
        record('bytes_down', frame.bytes_down)
        with timed('audit_s'):
            self._edge.audit(frame)
        with timed('merge_global_s'):
            encoded = self._edge.encode(frame)
        with timed('decode_s'):
            masks = self._edge.decode(encoded, self._prompts)
        with timed('publish_s'):
            self._publish(masks)

    def set_prompts(self, prompts: tuple[Prompt, ...]) -> None:
        """Answers prompts on the frame encoded last, if there is one, and uses them for every
        later frame. Raises BadPrompt, and keeps the prompts before them."""
        if self._edge.last is not None:
            self._publish(self._edge.decode(self._edge.last, prompts))
        self._prompts = prompts

    def answer(self, prompts: tuple[Prompt, ...]) -> Masks:
        """Makes masks of the frame encoded last, without encoding it again. Raises BadPrompt."""
        if self._edge.last is None:
            raise BadPrompt('no frame has been encoded yet')
        return self._edge.decode(self._edge.last, prompts)
