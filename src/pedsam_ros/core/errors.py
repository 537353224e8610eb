"""Everything that can be wrong with what users, cameras and workers hand us.

Each error and what it derives from:

    PedsamError
      ConfigError    a parameter or file of settings breaks a rule
      WeightsError   a checkpoint is missing, corrupt, foreign or of another model
      BadImage       a camera image that cannot be read
      BadBatch       a window or an embedding that does not fit
        BadReply     one that no honest worker would send
      Unavailable    a frame needs a worker that cannot be used
      ExposureError  a worker would see more than it may
      BadPrompt      a prompt that does not fit the image
"""


class PedsamError(Exception):
    """Names the value and the rule it breaks; caught at the border, counted, and life goes on."""


class ConfigError(PedsamError):
    """A parameter or a file of settings breaks a rule."""


class WeightsError(PedsamError):
    """A checkpoint is missing, corrupt, foreign or of another model."""


class BadImage(PedsamError):
    """A camera image that cannot be read."""


class BadBatch(PedsamError):
    """A window or an embedding that does not fit the model, or that nobody asked for."""


class BadReply(BadBatch):
    """An embedding that no honest worker would send: `worker` is not to be trusted."""

    def __init__(self, worker: str, what: str) -> None:
        super().__init__(f'{worker}: {what}')
        self.worker = worker


class Unavailable(PedsamError):
    """A frame needs `workers` that cannot be used, and nothing may stand in for them."""

    def __init__(self, workers: list[str]) -> None:
        super().__init__(', '.join(workers))
        self.workers = workers


class ExposureError(PedsamError):
    """A worker would see more of the scene than it may."""


class BadPrompt(PedsamError):
    """A prompt that does not fit the image."""
