"""Several optimizers of one model, against single ones by hand, and a run that is resumed."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from halp_mm.apis import load_config, train
from halp_mm.engine import JointOptimWrapper, SeparateOptimizers, load_checkpoint_file
from halp_mm.engine.finite import find_not_finite
from tests.conftest import write_random_clips
from tests.runs import ROOT

SETTINGS = dict(
    type='OptimWrapper',
    constructor='SeparateOptimizers',
    optimizer=dict(type='Adam', lr=0.1),
    separate=dict(adversary=dict(type='SGD', lr=0.5, momentum=0.9)),
)


def build(model: nn.Module, settings: dict) -> JointOptimWrapper:
    """Build optimizers as mmengine does."""
    settings = copy.deepcopy(settings)
    assert settings.pop('constructor') == 'SeparateOptimizers'
    return SeparateOptimizers(
        paramwise_cfg=settings.pop('paramwise_cfg', None), optim_wrapper_cfg=settings
    )(model)


def network() -> nn.ModuleDict:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.ModuleDict(dict(net=nn.Linear(3, 2), adversary=nn.Linear(2, 1)))


def losses(model: nn.ModuleDict, step: int) -> list[torch.Tensor]:
    data = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
    return [model['net'](data).square().mean(), model['adversary'](data[:, :2]).exp().mean()]


@pytest.mark.parametrize('accumulated', [1, 2])
def test_steps_equal_those_of_optimizers_by_hand(accumulated):
    model, expected = network(), network()
    settings = dict(SETTINGS, accumulative_counts=accumulated)
    wrapper = build(model, settings)
    wrapper.initialize_count_status(model, 0, 4)
    optimizers = [
        torch.optim.Adam(expected['net'].parameters(), 0.1),
        torch.optim.SGD(expected['adversary'].parameters(), 0.5, 0.9),
    ]
    for step in range(4):
        with wrapper.optim_context(model):
            loss = sum(losses(model, step))
        wrapper.update_params(loss)
        (sum(losses(expected, step)) / accumulated).backward()
        if (step + 1) % accumulated == 0:
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
    for value, wanted in zip(model.parameters(), expected.parameters()):
        assert torch.equal(value, wanted)
    assert wrapper.get_lr() == {'main.lr': [0.1], 'adversary.lr': [0.5]}


def test_gradients_are_clipped_for_each_optimizer():
    model = network()
    wrapper = build(model, dict(SETTINGS, clip_grad=dict(max_norm=1e-4)))
    before = model['adversary'].weight.detach().clone()
    wrapper.update_params(sum(losses(model, 0)))
    assert 0 < (model['adversary'].weight - before).norm() <= 0.5e-4 * 1.01


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(separate={}), 'separate must be a dict of optimizers'),
        (dict(separate=dict(main=dict(type='SGD', lr=1))), "none of them 'main'"),
        (dict(separate=dict(other=dict(type='SGD', lr=1))), "'other', but no parameter"),
        (dict(separate={'n': SETTINGS['optimizer'], 'e': SETTINGS['optimizer']}), 'do not overlap'),
        (dict(type='AmpOptimWrapper'), 'full precision. Omit --amp'),
        (dict(paramwise_cfg=dict(bias_lr_mult=2.0)), 'does not go with'),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        build(network(), {**SETTINGS, **changes})


def test_a_state_that_is_not_finite_is_found_in_each():
    model = network()
    wrapper = build(model, dict(SETTINGS))
    wrapper.update_params(sum(losses(model, 0)))
    assert find_not_finite({}, wrapper.state_dict()) is None
    momentum = next(iter(wrapper['adversary'].optimizer.state.values()))['momentum_buffer']
    momentum.fill_(torch.nan)
    found = find_not_finite({}, wrapper.state_dict())
    assert found.startswith('momentum_buffer')
    assert "'adversary'" in found


def gan_config(folder: Path, name: str, **changes):
    data_file = write_random_clips(folder / f'{name}.safetensors', num_clips=12)
    config = load_config(
        ROOT / 'configs' / 'longt_gan' / 'gru_synthetic_xsub.py',
        {
            'train_dataloader.dataset': dict(data_file=str(data_file), split='train'),
            'train_dataloader.batch_size': 4,
            'test_dataset': None,
            'model.encoder.hidden_size': 4,
            'model.heads.inpainting.hidden_size': 4,
            'model.heads.inpainting.discriminator_size': 4,
            'train_cfg.max_epochs': 3,
            'param_scheduler': [dict(type='MultiStepLR', milestones=[1], gamma=0.1)],
            'default_hooks.evaluation': None,
            'default_hooks.checkpoint.interval': 1,
            'log_level': 'WARNING',
            'work_dir': str(folder / name),
            'experiment_name': f'{folder.name}{name}',
            **changes,
        },
    )
    config.visualizer.name = config.experiment_name
    return config


def test_a_resumed_run_ends_with_the_same_weights_and_states(tmp_path):
    whole = train(gan_config(tmp_path, 'whole'))
    assert whole.optim_wrapper.get_lr() == {
        'main.lr': [pytest.approx(1e-4)],
        'discriminators.lr': [pytest.approx(1e-5)],
    }
    logged = {name.rsplit('/')[-1] for name in whole.message_hub.log_scalars}
    assert {'error', 'adversarial', 'discriminator', 'loss'} <= logged
    middle = tmp_path / 'whole' / 'epoch_2.pth'
    resumed = train(gan_config(tmp_path, 'resumed'), resume=middle)
    names = dict(resumed.model.named_parameters())
    theirs = {name for name in names if 'discriminators' in name}
    assert len(theirs) == 6
    ends = [load_checkpoint_file(run.last_checkpoint) for run in (whole, resumed)]
    flat = [dict(flat_tensors(end, '')) for end in ends]
    assert flat[0].keys() == flat[1].keys()
    states = [name for name in flat[0] if name.startswith('/optimizer/discriminators/state')]
    assert len(states) == 3 * len(theirs)
    for name, value in flat[0].items():
        assert torch.equal(value, flat[1][name]), name


def flat_tensors(entries, path):
    """The tensors of weights and optimizers, by their place in a checkpoint."""
    for key, value in entries.items():
        if isinstance(value, torch.Tensor):
            yield f'{path}/{key}', value
        elif isinstance(value, dict) and (path or key in ('state_dict', 'optimizer')):
            yield from flat_tensors(value, f'{path}/{key}')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            {'optim_wrapper.separate.discriminators.lr': -1},
            r'optim_wrapper\.separate\.discriminators\.lr must be',
        ),
        ({'optim_wrapper.separate.discriminators.typ': 'SGD'}, 'discriminators.*typ'),
        ({'optim_wrapper.separate': dict(other=dict(lr=1.0))}, 'other has no type'),
    ],
)
def test_the_settings_are_checked_before_a_run(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train(gan_config(tmp_path, 'wrong', **changes))
