"""With mixed precision the networks of heads are mixed too; losses are in full precision."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.runs import ROOT
from tests.test_models.test_no_waiting import batch_of

#: Of the methods whose heads have networks.
NAMES = [
    'colorization/dgcnn',
    'gl_transformer/gltransformer',
    'h_transformer/transformer',
    'halp_mamp/transformer',
    'longt_gan/gru',
    'mae/transformer',
    'ms2l/bigru',
    'pc/bigru',
    'sebirenet/sebirenet',
    'slim/transformer',
    'usdrl/dste',
]


def step(name, data_file, *, is_mixed):
    """A step of a method's small config: its losses, and the types of its layers' outputs."""
    config = Config.fromfile(ROOT / 'configs' / f'{name}_synthetic_xsub.py')
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    found = {}
    for module_name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(
                lambda _, inputs, output, key=module_name: found.update({key: output.dtype})
            )
    batch = batch_of(config, data_file, 4)
    batch['progress'] = TrainingProgress(1000, 5000, iterations_per_epoch=5)
    with torch.autocast('cpu', torch.bfloat16, enabled=is_mixed):
        losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    return model, losses, found


@pytest.mark.parametrize('name', NAMES)
def test_networks_of_heads_are_as_precise_as_those_of_streams(name, random_clips):
    for is_mixed, expected in ((False, torch.float32), (True, torch.bfloat16)):
        model, losses, found = step(name, random_clips, is_mixed=is_mixed)
        of_heads = {key: dtype for key, dtype in found.items() if key.startswith('heads.')}
        assert of_heads
        assert set(of_heads.values()) == {expected}, of_heads
        assert all(value.dtype == torch.float32 for value in losses.values())
        assert all(value.isfinite() for value in losses.values())
        for key, parameter in model.heads.named_parameters():
            if parameter.grad is not None:
                assert parameter.grad.dtype == torch.float32
                assert parameter.grad.isfinite().all(), key


def heads_with_networks(path):
    """The types of a config's heads that own layers."""
    config = Config.fromfile(path)
    if config.model.type != 'Pretrainer':
        return set()
    heads = MODELS.build(config.model).heads.values()
    return {
        type(head).__name__
        for head in heads
        if any(isinstance(module, nn.Linear) for module in head.modules())
    }


def test_all_heads_with_networks_are_here():
    paths = {path: path.parent.name for path in ROOT.glob('configs/*/*_synthetic_xsub.py')}
    tested = {name.split('/')[0] for name in NAMES}
    found = {True: set(), False: set()}
    for path, method in paths.items():
        found[method in tested] |= heads_with_networks(path)
    assert found[True] >= found[False]
