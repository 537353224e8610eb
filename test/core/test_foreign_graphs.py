"""A graph of others is looked at before a runtime loads it."""

import os

import pytest

import fakes
from pedsam_ros.core.errors import WeightsError
from pedsam_ros.core.model import onnx_file
from pedsam_ros.core.model.onnx_file import Exported

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')


def inner_graph(model):
    """A branch, as If has two."""
    node = model.graph.node.add(op_type='If')
    node.attribute.add(name='then_branch', type=onnx.AttributeProto.GRAPH).g.name = 'inner'


def constant_elsewhere(model):
    """A node's own tensor whose values are in another file."""
    tensor = model.graph.node.add(op_type='Constant').attribute.add(
        name='value', type=onnx.AttributeProto.TENSOR
    )
    tensor.t.external_data.add(key='location', value='/etc/passwd')


def weights_elsewhere(model):
    """An initial value in another file, above the folder."""
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key='location', value='../other')


def fixed_batch(model):
    """A graph for one window only."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def told(model, key, value):
    """One entry of the metadata is another."""
    next(each for each in model.metadata_props if each.key == key).value = value


FAULTS = {
    'an opset that we do not write': lambda m: setattr(m.opset_import[0], 'version', 17),
    'another domain': lambda m: m.opset_import.add(domain='com.evil', version=1),
    'a node of another domain': lambda m: m.graph.node.add(op_type='Gelu', domain='com.microsoft'),
    'functions': lambda m: m.functions.add(name='f'),
    'training': lambda m: m.training_info.add(),
    'sparse tensors': lambda m: m.graph.sparse_initializer.add(),
    'a graph within': inner_graph,
    'a constant elsewhere': constant_elsewhere,
    'weights elsewhere': weights_elsewhere,
    'a fixed batch': fixed_batch,
    'another input': lambda m: m.graph.input.add(name='more'),
    'another output': lambda m: m.graph.output.add(name='more'),
    'doubles': lambda m: setattr(m.graph.input[0].type.tensor_type, 'elem_type', 11),
    'too many nodes': lambda m: m.graph.node.extend([onnx.NodeProto()] * 20_001),
    'much metadata': lambda m: m.metadata_props.add(key='a', value='x' * (2**25 + 1)),
    'no format': lambda m: told(m, 'format', ''),
    'another half': lambda m: told(m, 'half', 'edge'),
    'another model': lambda m: told(m, 'model_id', '0' * 16),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_a_graph_that_we_would_not_write_is_refused(exported, tmp_path, fault):
    """In one line that names the file and what makes a good one."""
    model = onnx.load(exported.path('worker'))
    FAULTS[fault](model)
    path = tmp_path / 'm-worker.onnx'
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match=r'm-worker.onnx: .*pedsam export makes one') as refused:
        onnx_file.read(path, 'worker', fakes.weights())
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    'content', [b'', b'\x08', b'\x00' * 1000, b'\xff' * 1000, b'PK\x03\x04' + bytes(100)]
)
def test_what_is_no_graph_is_refused(tmp_path, content):
    """Whatever the parser says."""
    path = tmp_path / 'm-worker.onnx'
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r'm-worker\.onnx'):
        onnx_file.read(path, 'worker', fakes.weights())


def test_no_byte_that_is_cut_off_or_changed_raises_anything_else(exported, tmp_path):
    """A damaged graph is refused by us, by ONNX Runtime, or by what it computes."""
    from pedsam_ros.core.model import onnx_half

    whole = exported.path('edge').read_bytes()
    damaged = Exported(str(tmp_path / 'm.safetensors'), 'float32')
    for at in range(0, len(whole), len(whole) // 40):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            damaged.path('edge').write_bytes(content)
            try:
                onnx_half.opened(damaged, 'edge', fakes.weights(), 'cpu')
            except WeightsError:
                continue
            assert len(content) == len(whole)  # what was changed was of no consequence


def test_a_large_file_is_not_read(tmp_path):
    """It may have five bytes for each weight of the model, and some for the graph."""
    path = tmp_path / 'm-worker.onnx'
    with path.open('wb') as file:
        file.truncate(2**40)
    with pytest.raises(WeightsError, match=f'{2**40} bytes; at most'):
        onnx_file.read(path, 'worker', fakes.weights())


def test_what_is_no_plain_file_is_not_waited_for(tmp_path):
    """Reading a pipe or a device would never end."""
    os.mkfifo(tmp_path / 'pipe')
    for path in (tmp_path / 'pipe', tmp_path, '/dev/zero', tmp_path / 'absent'):
        with pytest.raises(WeightsError, match='pedsam export'):
            onnx_file.read(path, 'worker', fakes.weights())
