"""Listens to the robot's IMU, which tells how the camera turned between two frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Imu

from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.turns import MOST_SAMPLES, Sample, Turns, seen_turn
from pedsam_ros.core.types import Frame
from pedsam_ros.nodes.compute import Intake
from pedsam_ros.ros import convert, qos


class Gyroscope:
    """Adds up what the topic `imu` says. Without `mounting` it hears nothing; see
    `Turns`. `camera` returns the calibration's K for a frame. `running` ends the subscription."""

    def __init__(
        self,
        node: Node,
        mounting: Sequence[float],
        camera: Callable[[Frame], Matrix | None],
        running: ExitStack,
    ) -> None:
        self._camera = camera
        self._turns = Turns(mounting) if mounting else None
        self._heard: Intake[Sample] = Intake(MOST_SAMPLES)
        self._before_ns = 0  # stamp of the frame that was asked for last
        self._hints = self._refused = self._uncalibrated = 0
        if mounting:
            subscription = node.create_subscription(Imu, 'imu', self._on_imu, qos.IMU)
            running.callback(node.destroy_subscription, subscription)

    def _on_imu(self, msg: Imu) -> None:
        rate = msg.angular_velocity
        stamp_ns = convert.key_from_header(msg.header).stamp_ns
        self._heard.offer(Sample(stamp_ns, (rate.x, rate.y, rate.z)))

    # On the computing thread.
    def turn(self, frame: Frame) -> Matrix | None:
        """How the camera turned since the frame before, as it moves the picture: see `seen_turn`.
        None if it is not known. Ask once for each frame."""
        if self._turns is None:
            return None
        for sample in self._heard.take(MOST_SAMPLES):
            self._refused += not self._turns.add(sample)
        before_ns, self._before_ns = self._before_ns, frame.key.stamp_ns
        rotation, camera = self._turns.between(before_ns, self._before_ns), self._camera(frame)
        self._uncalibrated += camera is None
        turn = None if rotation is None or camera is None else seen_turn(rotation, camera)
        self._hints += turn is not None
        return turn

    def figures(self) -> dict[str, Any]:
        """What /diagnostics shows: frames with a hint, samples that no gyroscope can have
        measured or that came late, and frames without a calibration. Empty if it hears nothing."""
        if self._turns is None:
            return {}
        return {
            'imu_hints': self._hints,
            'imu_refused': self._refused,
            'imu_uncalibrated': self._uncalibrated,
        }
