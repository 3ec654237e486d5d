"""tools/model_converters/convert_released.py, from a released checkpoint to an evaluation."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.apis import build_model, load_config
from halp_mm.models.converters.released_checkpoint import convert_released
from halp_mm.models.converters.released_stgcn import rename_released
from tests.conftest import write_random_clips
from tests.helpers import assert_relative, reference
from tests.runs import ROOT, run_tool

TOOL = 'model_converters/convert_released.py'

CONFIG = """
_base_ = '{root}/configs/moco/bigru_synthetic_xsub.py'
model = dict(
    encoder=dict(_delete_=True, type='STGCN', base_channels=4, feature_dim=16),
    projector=dict(_delete_=True, type='Projector', out_dim=7),
    queue_size={queue_size},
    streams=['{stream}'],
)
data_preprocessor = dict(streams=['{stream}'])
train_dataloader = dict(dataset=dict(data_file='{data_file}', split='train'))
test_dataset = dict(data_file='{data_file}', split='test')
"""


def released_network(seed: int | None = None) -> dict[str, Tensor]:
    """The reference's weights, or random ones, with a released projector's names."""
    state = {
        name.removeprefix('state/'): value
        for name, value in reference('stgcn_released').items()
        if name.startswith('state/')
    }
    generator = torch.Generator().manual_seed(seed or 0)
    if seed is not None:
        state = {
            name: torch.rand(value.shape, generator=generator) if value.ndim else value
            for name, value in state.items()
        }
    state['fc.2.weight'], state['fc.2.bias'] = state.pop('fc.weight'), state.pop('fc.bias')
    state['fc.0.weight'] = torch.randn(16, 16, generator=generator)
    state['fc.0.bias'] = torch.randn(16, generator=generator)
    return state


def released_checkpoint() -> dict[str, Tensor]:
    """Both networks and a queue, as the release saves them."""
    return {
        **{f'encoder_q.{name}': value for name, value in released_network().items()},
        **{f'encoder_k.{name}': value for name, value in released_network(seed=1).items()},
        'queue': F.normalize(torch.randn(7, 32), dim=0),
        'queue_ptr': torch.tensor([24]),
    }


def write_config(folder: Path, queue_size: int = 32, stream: str = 'joint') -> Path:
    data_file = write_random_clips(folder / 'clips.safetensors')
    config = folder / 'config.py'
    config.write_text(
        CONFIG.format(root=ROOT, data_file=data_file, queue_size=queue_size, stream=stream)
    )
    return config


def convert(folder: Path, state: object, *arguments: object):
    """Save a released checkpoint and run the tool on it: its result and its output file."""
    source, out = folder / 'released.pt', folder / 'out' / 'converted.pth'
    torch.save(state, source)
    return run_tool(TOOL, source, '--out', out, *arguments), out


def test_whole_checkpoint_gives_the_releases_features_and_evaluates(tmp_path):
    state = released_checkpoint()
    result, out = convert(tmp_path, state)
    assert result.returncode == 0, result.stderr
    assert f'{len(state)} entries' in result.stdout
    assert 'found: STGCN of joint' in result.stdout
    assert f'written: {out}' in result.stdout
    config = write_config(tmp_path)
    model = build_model(load_config(config), out).cpu()
    vectors = reference('stgcn_released')
    clips = vectors['input_NCTVM'].permute(0, 4, 2, 3, 1)
    with torch.no_grad():
        network = model.query_networks['joint']
        feature = network.encoder(clips)
        assert_relative(feature, vectors['feature'], 1e-5)
        fc = {name: state[f'encoder_q.fc.{name}'] for name in ('0.weight', '0.bias')}
        hidden = F.relu(vectors['feature'] @ fc['0.weight'].T + fc['0.bias'])
        last = (state['encoder_q.fc.2.weight'], state['encoder_q.fc.2.bias'])
        embedding = F.normalize(F.linear(hidden, *last), dim=1)
        assert_relative(network(clips), embedding, 1e-5)
    key = model.key_networks.module['joint'].encoder.state_dict()
    assert torch.equal(key['input_norm.bias'], state['encoder_k.data_bn.bias'])
    assert torch.equal(model.queues['joint']['key'].entries, state['queue'].T)
    newest = state['queue'][:, [23, 22]].T  # the pointer is where the next key goes
    assert torch.equal(model.queues['joint']['key'].newest(2), newest)

    evaluation = run_tool('test.py', config, out, '--protocol', 'knn')
    assert evaluation.returncode == 0, evaluation.stderr
    assert 'knn on random test' in evaluation.stdout


def test_one_network_alone_and_another_stream(tmp_path):
    state = released_network()
    result, out = convert(tmp_path, state, '--stream', 'bone', '--queue-size', 48)
    assert result.returncode == 0, result.stderr
    model = build_model(load_config(write_config(tmp_path, 48, 'bone')), out).cpu()
    query = model.query_networks['bone'].state_dict()
    key = model.key_networks.module['bone'].state_dict()
    assert all(torch.equal(query[name], key[name]) for name in query)
    assert torch.equal(query['encoder.input_norm.bias'], state['data_bn.bias'])
    norms = model.queues['bone']['key'].entries.norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(48))
    assert model.queues['bone']['key'].num_enqueued == 0


def test_every_weight_is_accounted_for_once():
    state = released_network()
    renamed = rename_released(state)
    assert len(renamed) == len(state)
    assert {value.data_ptr() for value in renamed.values()} == {
        value.data_ptr() for value in state.values()
    }


def test_the_key_network_can_be_evaluated():
    state = released_checkpoint()
    converted = convert_released(state, part='key').state
    name = 'encoder.blocks.3.temporal_convolution.weight'
    expected = state['encoder_k.st_gcn_networks.3.tcn.2.weight']
    assert torch.equal(converted[f'query_networks.joint.{name}'], expected)
    assert torch.equal(converted[f'key_networks.module.joint.{name}'], expected)


def test_the_graph_comes_with_the_weights():
    state = released_network()
    state['A'] = torch.rand(3, 25, 25)
    graph = convert_released(state).state['query_networks.joint.encoder.adjacency']
    assert torch.equal(graph, state['A'])


def assert_one_clear_error(result, out: Path, *words: str) -> None:
    assert result.returncode == 1
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith('convert_released.py: error: ')
    for word in words:
        assert word in lines[0]
    assert not out.exists()


def test_unknown_entries_are_named(tmp_path):
    state = {**released_checkpoint(), 'encoder_q.attention.weight': torch.zeros(3)}
    result, out = convert(tmp_path, state)
    words = ('released.pt cannot be converted', "not known: ['attention.weight']", 'fc.0 and fc.2')
    assert_one_clear_error(result, out, *words)


def test_entries_beside_the_networks_are_named():
    state = {**released_checkpoint(), 'queue_bone': torch.zeros(3)}
    with pytest.raises(ValueError, match=r"not known: \['queue_bone'\]; expected encoder_q"):
        convert_released(state)


def test_a_classifier_is_no_projector():
    state = released_network()
    state['fc.weight'] = state.pop('fc.2.weight')
    with pytest.raises(ValueError, match=r"not known: \['fc.weight'\]"):
        convert_released(state)


def test_missing_graph_or_projector():
    state = released_network()
    state = {name: value for name, value in state.items() if name != 'A' and 'fc' not in name}
    missing = r"\['encoder.adjacency', 'projector'\] are not there; expected an STGCN with its"
    with pytest.raises(ValueError, match=missing):
        convert_released(state)


def test_missing_part():
    with pytest.raises(ValueError, match='there is no key network; there is query'):
        convert_released(released_network(), part='key')


def test_other_values_than_tensors_are_named():
    with pytest.raises(ValueError, match=r"tensors by name, but \['epoch'\] are none"):
        convert_released({**released_checkpoint(), 'epoch': 300})
