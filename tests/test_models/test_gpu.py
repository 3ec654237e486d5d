"""On a GPU every encoder computes what it does on a CPU, and no method's step waits for it."""

import copy

import pytest
import torch
from mmengine.config import Config

from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.registry import MODELS
from halp_mm.testing.examples import example_clips
from halp_mm.training_progress import TrainingProgress
from tests.runs import ROOT
from tests.test_testing import ENCODERS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
TRAINED = sorted(
    str(path.relative_to(ROOT / 'configs')) for path in ROOT.glob('configs/*/*_synthetic_xsub.py')
)


@pytest.fixture
def full_precision():
    """Products of float32 in float32, not in the 19 bits of TF32 that cuDNN takes by default."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = allowed


@pytest.mark.usefixtures('full_precision')
@pytest.mark.parametrize('name', ENCODERS)
def test_encoder_computes_what_it_does_on_a_cpu(name):
    torch.manual_seed(0)
    encoder = ENCODERS[name]().eval()  # what is dropped would differ
    for part in encoder.modules():
        if isinstance(part, torch.nn.RNNBase):
            part.train()  # or cuDNN has no gradients
    on_gpu = copy.deepcopy(encoder).cuda()
    clips = example_clips(
        [32] * 4, encoder.layout, encoder.num_channels, encoder.num_people or 2
    ).coordinates
    expected, found = encoder(clips), on_gpu(clips.cuda())
    assert (found.cpu() - expected).abs().max() < 1e-4 * expected.abs().max()
    weight = torch.randn_like(expected)
    (expected * weight).sum().backward()
    (found * weight.cuda()).sum().backward()
    gradients = {name: p.grad for name, p in encoder.named_parameters() if p.grad is not None}
    largest = max(gradient.abs().max() for gradient in gradients.values())
    for name, parameter in on_gpu.named_parameters():
        if name in gradients:
            assert (parameter.grad.cpu() - gradients[name]).abs().max() < 1e-3 * largest, name


@pytest.mark.parametrize('name', TRAINED)
def test_step_does_not_wait(name, random_clips):
    """PyTorch's detector sees no wait in a step, views included, once the first is done."""
    config = Config.fromfile(ROOT / 'configs' / name)
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    model.init_weights()
    model.cuda()
    num_people = config.train_dataloader.dataset.get('num_people')
    dataset = SkeletonDataset(random_clips, 'train', num_people=num_people)
    batch = pad_clips([dataset[i] for i in range(4)])
    batch = {k: v.cuda() if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, 0.9, foreach=True)
    try:
        for iteration in range(2):
            batch['progress'] = TrainingProgress(1000, 5000 + iteration, 5, max_epochs=1001)
            losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
            total, _ = model.parse_losses(losses)
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            torch.cuda.set_sync_debug_mode('error')  # after a first step, which sets things up
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert total.isfinite()
