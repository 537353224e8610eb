"""The errors that this package raises for bad input of users, cameras and workers.

The indentation shows what each error derives from:

    PedsamError
      ConfigError    a parameter or a file of settings breaks a rule
      WeightsError   a checkpoint is missing, corrupt, foreign or of another model
      BadImage       a camera image cannot be read
      BadBatch       a window or an embedding does not fit the model
        BadReply     an embedding is one that no honest worker would send
      Unavailable    a frame needs workers that cannot be used
      ExposureError  a worker would see more of the picture than it may
      BadPrompt      a prompt does not fit the image
      BadMasks       masks do not fit their own size, or the image
      NoImage        it is not known which image masks belong to
      BadSeal        a sealed message does not open, or is none
"""


class PedsamError(Exception):
    """The base of all errors here. Its text names the value and the rule that it breaks.

    The nodes catch it where the input arrived and count it; they go on with the next input.
    """


class ConfigError(PedsamError):
    """A parameter or a file of settings breaks a rule."""


class WeightsError(PedsamError):
    """A checkpoint is missing, corrupt, foreign or of another model."""


class BadImage(PedsamError):
    """A camera image cannot be read."""


class BadBatch(PedsamError):
    """A window or an embedding does not fit the model, or nobody asked for it."""


class BadReply(BadBatch):
    """An embedding is one that no honest worker would send, so `worker` cannot be trusted."""

    def __init__(self, worker: str, what: str) -> None:
        super().__init__(f'{worker}: {what}')
        self.worker = worker


class Unavailable(PedsamError):
    """A frame needs `workers` that cannot be used, and the rules allow no replacement."""

    def __init__(self, workers: list[str]) -> None:
        super().__init__(', '.join(workers))
        self.workers = workers


class ExposureError(PedsamError):
    """A worker would see more of the picture than it may."""


class BadPrompt(PedsamError):
    """A prompt does not fit the image."""


class BadMasks(PedsamError):
    """Masks do not fit the size that they name, or the image that they are to be painted on."""


class NoImage(PedsamError):
    """It is not known which image masks belong to."""


class BadSeal(PedsamError):
    """A sealed message does not open, is malformed, or comes out of turn: it may be anybody's."""
