"""The whole pipeline in one process. The distributed one must give equal masks, to the last
bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pedsam_ros.core.edge import Edge
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.laid import Laid
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Frame, Masks, Prompt
from pedsam_ros.core.windows import Canvas


@dataclass(frozen=True, slots=True, eq=False)
class LocalPipeline:
    """An edge with one worker half beside it. Windows take the same way as over the network, codec
    included.

    >>> pipeline = LocalPipeline(edge, worker)
    >>> rgb = np.zeros((96, 128, 3), np.uint8)
    >>> masks = pipeline.segment(Frame(FrameKey(stamp_ns=7, frame_id='camera'), rgb))
    >>> masks.key.stamp_ns, masks.height, masks.width
    (7, 96, 128)
    """

    edge: Edge
    worker: WorkerHalf

    def segment(self, frame: Frame, shift: Shift | None = None) -> Masks:
        """Makes the masks for the prompts of the edge's config that fit the frame; with a shift,
        those of an edge that has laid the frame so. Raises PedsamError."""
        masks = self.decode(self.encode(frame, shift), self.edge.config.prompts)
        return replace(masks, shift=shift)

    def encode(self, frame: Frame, shift: Shift | None = None) -> Encoded:
        """Encodes a frame once, for any number of prompts. Raises PedsamError."""
        self.edge.arrive()
        laid = self._laid(frame, shift) if shift else None
        started, assignments = self.edge.start(frame, 0.0, self.edge.router.homes, laid=laid)
        windows = [assignment.window for assignment in assignments]
        for assignment, reply in zip(assignments, self.worker.encode(windows), strict=True):
            self.edge.accept(assignment.worker, reply)
        encoded = self.edge.encode(started)
        self.edge.finish(started, 'done')
        return encoded

    def decode(self, encoded: Encoded, prompts: Sequence[Prompt]) -> Masks:
        """One mask for each prompt that fits the frame, in order, at the camera's size."""
        return self.edge.decode(encoded, prompts).masks

    def _laid(self, frame: Frame, shift: Shift) -> Laid:
        """Nobody is told what a frame shows that is laid in a scene that is not known here."""
        canvas = Canvas.fit(self.worker.arch, *frame.rgb.shape[:2], shift=shift)
        return Laid(canvas, dict.fromkeys(canvas.windows(), LOCAL))
