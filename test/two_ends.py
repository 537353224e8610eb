"""The two ends of a handshake: an edge that calls a worker, each with a key that tests know."""

from pedsam_ros.core.noise import Initiator, Keys, PrivateKey, Responder, public

PROLOGUE = b'pedsam'


def key(text: str) -> PrivateKey:
    return PrivateKey.from_private_bytes(bytes.fromhex(text))


EDGE, WORKER, OTHER = key('11' * 32), key('22' * 32), key('33' * 32)


def ends(prologue=PROLOGUE, remote=WORKER) -> tuple[Initiator, Responder]:
    """An edge that calls `remote`, and the worker, which answers as WORKER."""
    return Initiator(EDGE, public(remote), prologue), Responder(WORKER, PROLOGUE)


def shaken() -> tuple[Keys, Keys]:
    """The keys of both ends after an undisturbed handshake."""
    edge, worker = ends()
    worker.read(edge.hello(b''))
    reply, of_worker = worker.reply(b'')
    return edge.finish(reply)[1], of_worker
