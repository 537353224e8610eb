"""Until core/edge.py takes a scene: an edge whose windows are fixed to one."""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.edge_compute import EdgeCompute
from pedsam_ros.core.in_flight import Assignment, InFlight
from pedsam_ros.core.placement import LOCAL, place
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.types import Frame, Window
from pedsam_ros.core.windows import partition, pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry


class SceneEdge(Edge):
    def __init__(self, model: EdgeCompute, entries: Sequence[WorkerEntry], config: EdgeConfig):
        super().__init__(model, place(pixel_grid(model.arch), entries), config)
        self.scene = Scene(model.arch, entries, config.placement)

    def start(self, frame: Frame, now_s: float, usable: Container[str], unix_s: float = 0.0):
        sight = self.scene.look(frame.rgb, now_s)
        canvas = sight.canvas
        private = self.router.private(canvas, now_s)
        plan = {i: LOCAL if i in private else who for i, who in sight.homes.items()}
        plan = self.scene.allowed(sight, plan)
        self.scene.note(sight, plan)
        contents = partition(
            self.model.resize(frame.rgb, canvas.content), canvas.grid, canvas.corner
        )
        started = InFlight(0, frame.key, canvas, frame.rgb, contents, arrived_s=now_s)
        out = []
        for i, who in plan.items():
            pixels = contents[i]
            if i in private:
                who, pixels = sight.homes[i], np.full_like(pixels, 128)
            window = Window(0, '', i, pixels, '', 0.0, canvas.offset, canvas.content_corner(i))
            out.append(Assignment(who, window))
        self._in_flight[0] = started
        self._dispatch.open(now_s)
        return started, out

    def finish(self, frame, ending):
        pass
