"""The edge's input of a camera, with real publishers and a clock that only the test moves."""

from pedsam_ros.core.camera import CameraState
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.nodes.camera_input import CameraInput
from two_nodes import image


class Watched:
    """A camera's input, with a clock that only the test moves.

    `offered` holds image, age and number of images displaced before it, `told` the log.
    """

    def __init__(self, nodes, **config):
        self.nodes, self.now_s = nodes, 100.0
        self.offered, self.told = [], []
        logger = nodes.reader.get_logger()
        logger.warning = logger.info = self.told.append
        self.input = CameraInput(
            nodes.reader,
            EdgeConfig(**config),
            lambda *offered: self.offered.append(offered),
            lambda: self.now_s,
        )
        self.told.clear()

    @property
    def state(self):
        """What the last look found."""
        return CameraState(self.input.part().values['state'])

    def until(self, state):
        """Waits until the camera is in a state."""
        self.nodes.until(lambda: self.state is state)

    def show(self, publisher, count=1):
        """Publishes so many images and waits until DDS has brought them."""
        for number in range(1, count + 1):
            publisher.publish(image(number))
        assert publisher.wait_for_all_acked()

    def until_offered(self):
        """Waits for an image; returns it."""
        self.nodes.until(lambda: self.offered)
        return self.offered.pop()

    def publisher(self, *profile, **options):
        """A camera that this input has found, and that has found it."""
        publisher = self.nodes.publisher(*profile, **options)
        self.nodes.until(
            lambda: publisher.get_subscription_count() and self.input._camera.view.readable
        )
        return publisher
