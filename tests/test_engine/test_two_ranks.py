"""Two ranks of 4 clips are one process of 8, by the real Runner with the ordinary random views."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import is_model_wrapper

from halp_mm.apis import evaluate, load_config, train
from halp_mm.datasets import SkeletonDataset
from halp_mm.engine import init_distributed
from halp_mm.evaluation import extract_features
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms import BatchTransform, build_transform
from tests.conftest import write_random_clips
from tests.helpers import tiny_model
from tests.ranks import connected, run_ranks
from tests.runs import ROOT

CONFIGS = ROOT / 'configs'


@TRANSFORMS.register_module(force=True)
class ToDefaultPrecision(BatchTransform):
    def __call__(self, clips: Clips, generator: torch.Generator | None = None) -> Clips:
        return clips.with_coordinates(clips.coordinates.to(torch.get_default_dtype()))


BIGRU = {'model.encoder.hidden_size': 8, 'model.projector.out_dim': 8}
STGCN = {
    'model.encoder.base_channels': 16,
    'model.encoder.stages': [1, 1],
    'model.encoder.feature_dim': 16,
    'model.encoder.dropout': 0.0,
    'model.projector.out_dim': 8,
    'model.heads.moco.end_epoch': 2,
}
#: Configs and options of the methods; with several heads, in two stages.
METHODS = {
    'halp': (
        'halp/bigru_synthetic_xsub.py',
        {
            **BIGRU,
            'model.heads.halp.start_epoch': 1,
            'model.heads.halp.num_prototypes': 3,
            'model.heads.halp.num_newest': 8,
        },
    ),
    'masked reconstruction': (
        'masked_reconstruction/bigru_synthetic_xsub.py',
        {'model.encoder.hidden_size': 8},
    ),
    'cmd': ('cmd/bigru_synthetic_xsub.py', {**BIGRU, 'model.heads.cmd.top_k': 10}),
    'aimclr': ('aimclr/stgcn_synthetic_xsub.py', {**STGCN, 'model.heads.nnm.start_epoch': 2}),
    'crosclr': (
        'crosclr/stgcn_synthetic_xsub.py',
        {**STGCN, 'model.heads.cross_stream.start_epoch': 2},
    ),
}
# With a queue that the global batch does not divide.
QUEUE_SIZE = 37
EPOCHS = 4  # of 5 iterations


def config_of(method: str, folder: Path, name: str, batch_size: int, **options: object) -> Config:
    file, settings = METHODS[method]
    data = {'data_file': str(folder / 'clips.safetensors')}
    config = load_config(
        CONFIGS / file,
        {
            **{f'train_dataloader.dataset.{key}': value for key, value in data.items()},
            'train_dataloader.dataset.split': 'train',
            'train_dataloader.batch_size': batch_size,
            'test_dataset.data_file': data['data_file'],
            'test_dataset.split': 'test',
            'model.queue_size': QUEUE_SIZE,
            'train_cfg.max_epochs': EPOCHS,
            'default_hooks.evaluation': None,
            'default_hooks.runtime_info.interval': 1,
            'log_level': 'WARNING',
            **settings,
            **options,
        },
    )
    # In double precision from where views begin, so that rounding is far below any fault.
    for view in config.data_preprocessor.views.values():
        if isinstance(view, list):  # not one that is omitted, or starts from another
            view.insert(0, dict(type='ToDefaultPrecision'))
    config.experiment_name = config.visualizer.name = f'{folder.name} {name}'
    return config


def trained(
    config: Config, work_dir: Path, launcher: str = 'none', dtype: torch.dtype = torch.float64
) -> dict:
    """Losses by iteration, and the weights."""
    torch.set_default_dtype(dtype)
    try:
        runner = train(config, work_dir, launcher=launcher)
    finally:
        torch.set_default_dtype(torch.float32)
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    scalars = runner.message_hub.log_scalars
    return {
        'losses': {
            name: torch.as_tensor(buffer.data[0]).double()
            for name, buffer in scalars.items()
            if name.startswith('train/') and 'time' not in name
        },
        'state': {name: value.clone() for name, value in model.state_dict().items()},
    }


#: Encoding batches; 13 leaves a single one of the 40 training clips for the last.
BATCH_SIZES = (3, 13, 64)
VIEWS = {
    'fixed': [dict(type='CenterCropResize', num_frames=8)],
    'random': [
        *(dict(type='GaussianNoise', std=0.1), dict(type='Shear')),
        dict(type='TemporalCropResize', num_frames=8),
    ],
}


def features_by_view(folder: Path) -> dict[str, torch.Tensor]:
    """The features of the training clips, which an encoder of seed 0 gives."""
    torch.manual_seed(0)
    model = tiny_model()
    dataset = SkeletonDataset(folder / 'clips.safetensors', 'train')
    return {
        f'{name} {size}': extract_features(model, dataset, size, build_transform(view), (2, 5))[
            'joint'
        ]
        for name, view in VIEWS.items()
        for size in BATCH_SIZES
    }


def train_methods_as_rank(rank: int, folder: str) -> None:
    with connected(rank, folder):
        results = {}
        for method in METHODS:
            options = {'model.batch_norm': 'synchronized'}
            config = config_of(method, Path(folder), method, 4, **options)
            results[method] = trained(config, Path(folder, method), 'pytorch')
        config = config_of('halp', Path(folder), 'local', 4)
        config.default_hooks.evaluation = dict(type='KNNEvaluationHook', interval=1)
        results['local'] = trained(config, Path(folder, 'local'), 'pytorch', torch.float32)
        results['features'] = features_by_view(Path(folder))
        torch.save(results, f'{folder}/rank{rank}.pth')


def train_methods_whole(rank: int, folder: str) -> None:
    clips = Path(folder).parent
    results = {
        method: trained(config_of(method, clips, f'{method} whole', 8), Path(folder, method))
        for method in METHODS
    }
    torch.save(results, f'{folder}/rank{rank}.pth')


@pytest.fixture(scope='module')
def two_ranks(tmp_path_factory) -> tuple[Path, list[dict]]:
    folder = tmp_path_factory.mktemp('two_ranks')
    write_random_clips(folder / 'clips.safetensors', num_clips=60)
    return folder, run_ranks(train_methods_as_rank, folder)


@pytest.fixture(scope='module')
def one_process(two_ranks) -> dict:
    """The same trainings, on a CPU as well: a GPU would draw other views."""
    folder = two_ranks[0] / 'whole'
    folder.mkdir()
    return run_ranks(train_methods_whole, folder, 1)[0]


def largest_difference(one: dict, other: dict) -> float:
    """Relative to a tensor's largest entry."""
    pairs = ((value.double(), other[name].double()) for name, value in one.items())
    return max(float((a - b).abs().max() / a.abs().max().clamp(1e-3)) for a, b in pairs)


@pytest.mark.parametrize('method', METHODS)
def test_two_ranks_are_one_process(method, two_ranks, one_process):
    _, ranks = two_ranks
    whole = one_process[method]
    for rank in ranks:
        # Counts, such as the share of positives kept, are logged in single precision.
        for kind, tolerance in (('losses', 1e-6), ('state', 1e-11)):
            assert rank[method][kind].keys() == whole[kind].keys()
            assert largest_difference(whole[kind], rank[method][kind]) < tolerance, kind
    if method == 'halp':
        assert largest_difference(whole['losses'], ranks[0]['local']['losses']) > 1e-2


def test_features_of_two_ranks_are_those_of_one_process(two_ranks):
    folder, ranks = two_ranks
    for name, expected in features_by_view(folder).items():
        for rank in ranks:
            torch.testing.assert_close(rank['features'][name], expected, rtol=0, atol=1e-6)
    assert not torch.allclose(expected, features_by_view(folder)['random 3'], atol=1e-3)


def test_what_is_evaluated_is_what_is_saved(two_ranks):
    folder, ranks = two_ranks
    states = [rank['local']['state'] for rank in ranks]
    assert any('running_var' in name for name in states[0])
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name
    (log,) = (folder / 'local').glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    logged = [row['val/knn_top1'] for row in rows if 'val/knn_top1' in row]
    assert len(logged) == EPOCHS
    config = config_of('halp', folder, 'evaluated', 4)
    _, evaluation = evaluate(config, folder / 'local' / f'epoch_{EPOCHS}.pth', 'knn')
    assert evaluation.metrics['top1'] == pytest.approx(logged[-1], abs=0.01)


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '2')
    message = '2 processes on this machine, found GPUs: 1; expected one for each process'
    with pytest.raises(ValueError, match=message):
        init_distributed('pytorch')
