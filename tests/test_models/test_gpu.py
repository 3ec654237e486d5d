"""On a GPU every encoder computes what it does on a CPU, and no method's step waits for it."""

import copy

import pytest
import torch
from mmengine.config import Config

from halp_mm.models import BiGRU, CudaGraphs
from halp_mm.registry import MODELS
from halp_mm.testing.examples import example_clips
from halp_mm.training_progress import TrainingProgress
from tests.runs import ROOT
from tests.test_models.test_no_waiting import batch_of
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


@pytest.mark.usefixtures('full_precision')
def test_layers_run_as_one_compute_what_cells_do():
    encoder = BiGRU(hidden_size=24, bidirectional=True).cuda()
    sequence = torch.randn(5, 7, encoder.frame_size, device='cuda')
    found = {}
    for run in (encoder.run_cells, lambda sequence, _: encoder.run_stack(sequence)):
        encoder.zero_grad()
        states = run(sequence, None)
        states.square().sum().backward()
        gradients = [p.grad for p in encoder.parameters() if p.grad is not None]
        found[len(found)] = [states, *gradients]
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-5)
    copied = copy.deepcopy(encoder)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
    torch.testing.assert_close(copied.run_stack(sequence), found[0][0], rtol=1e-4, atol=1e-5)


def build(config):
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    model.init_weights()
    return model.cuda()


def batch_on_gpu(config, data_file, count):
    batch = batch_of(config, data_file, count)
    return {k: v.cuda() if isinstance(v, torch.Tensor) else v for k, v in batch.items()}


@pytest.mark.usefixtures('full_precision')
@pytest.mark.parametrize('precision', [None, torch.bfloat16])
@pytest.mark.parametrize('name', TRAINED)
def test_graphs_do_not_change_a_training(name, precision, random_clips):
    config = Config.fromfile(ROOT / 'configs' / name)
    if config.model.type != 'Pretrainer':
        pytest.skip('learns from labels')
    torch.manual_seed(0)
    model = build(config)
    models = {False: model, True: copy.deepcopy(model)}
    models[True].graphs = CudaGraphs()
    begun = torch.nn.utils.parameters_to_vector(model.query_networks.parameters()).detach()
    losses, moved = {}, {}
    for with_graphs, model in models.items():
        parameters = list(model.query_networks.parameters())
        optimizer = torch.optim.SGD(parameters, 1e-2, foreach=True)
        losses[with_graphs] = []
        torch.manual_seed(0)
        for iteration in range(6):
            batch = batch_on_gpu(config, random_clips, 3 if iteration == 4 else 4)
            batch['progress'] = TrainingProgress(1000, 5000 + iteration, 5, max_epochs=1001)
            with torch.autocast('cuda', precision, enabled=precision is not None):
                scalars = model(**model.data_preprocessor(batch, training=True), mode='loss')
            total, _ = model.parse_losses(scalars)
            optimizer.zero_grad()
            total.backward()
            # Short steps: correlations of four clips make anything of a rounding error.
            torch.nn.utils.clip_grad_norm_(parameters, 0.1)
            optimizer.step()
            losses[with_graphs].append(total.item())
        ended = torch.nn.utils.parameters_to_vector(model.query_networks.parameters()).detach()
        moved[with_graphs] = ended - begun
    tolerance = 1e-4 if precision is None else 3e-2
    assert losses[True] == pytest.approx(losses[False], rel=tolerance)
    assert len(set(losses[True])) > 1
    if precision is None:
        assert (moved[True] - moved[False]).norm() < 1e-2 * moved[False].norm()
    for (key, value), other in zip(
        models[False].state_dict().items(), models[True].state_dict().values(), strict=True
    ):
        if 'running' in key or 'num_batches' in key:
            torch.testing.assert_close(other, value, rtol=tolerance, atol=tolerance, msg=key)


@pytest.mark.parametrize('name', TRAINED)
def test_step_does_not_wait(name, random_clips):
    """PyTorch's detector sees no wait in a step, views included, once the first is done."""
    config = Config.fromfile(ROOT / 'configs' / name)
    model = build(config)
    batch = batch_on_gpu(config, random_clips, 4)
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
