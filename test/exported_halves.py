"""A model whose halves are exported, as files."""

from pedsam_ros.core.model import checkpoint, loading, onnx_export
from pedsam_ros.core.model.onnx_file import Exported


def written(folder, weights, precision='float32'):
    """Weights as a file, with both halves exported beside it."""
    file = checkpoint.write(loading.with_padding(weights), folder / 'm.safetensors')
    made = Exported(str(file), precision)
    for half in checkpoint.HALVES:
        graph = onnx_export.graph_of(weights, half, precision)
        onnx_export.write(graph, made.path(half), weights, half, precision)
    return made
