"""Who a run is: by its config, in its checkpoint and in its results."""

import copy
import hashlib
import json

import pytest
import torch
from mmengine.config import Config

from halp_mm.apis import evaluate, load_config, train, training_config
from halp_mm.engine import read_run_identity
from halp_mm.evaluation import KNNProtocol, fuse_scores, read_scores, write_scores
from halp_mm.reporting import group_results, read_results
from halp_mm.run_identity import (
    coordinates_identity,
    describe_run,
    find_problem,
    overrides_of,
    run_identity,
    settings_sha256,
)
from tests.conftest import write_random_clips
from tests.runs import CONFIG, ROOT, tiny_options

CONFIGS = ROOT / 'configs'


def options_of(data_file, **changes) -> dict:
    """The overrides of :func:`tests.runs.tiny_options` as values, and no more than an epoch."""
    pairs = (text.split('=', 1) for text in tiny_options(data_file)[1:])
    values = {key: int(value) if value.isdecimal() else value for key, value in pairs}
    return values | {'train_cfg.max_epochs': 1} | changes


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Clips, the overrides and the checkpoint of a bone run of seed 3."""
    folder = tmp_path_factory.mktemp('run')
    data_file = write_random_clips(folder / 'clips.safetensors')
    options = options_of(data_file, **{'model.streams': ['bone']})
    runner = train(CONFIG, folder / 'work', options, seed=3)
    return data_file, options, runner.last_checkpoint


def test_encoder_and_streams_are_those_of_the_config():
    found = {
        path: run_identity(load_config(CONFIGS / path))
        for path in (
            'halp/bigru_ntu60_xsub.py',
            'cmd/bigru_ntu60_xsub.py',
            'cmd/va-bigru_ntu60_xsub.py',
            'isc/agcn-hcn_ntu60_xsub.py',
            'isc/bigru-hcn_ntu60_xsub.py',
        )
    }
    assert [identity['encoder'] for identity in found.values()] == [
        {'joint': 'BiGRU'},
        {'joint': 'BiGRU', 'motion': 'BiGRU', 'bone': 'BiGRU'},
        dict.fromkeys(('joint', 'motion', 'bone'), 'ViewAdaptedEncoder(BiGRU)'),
        {'graph': 'AGCN', 'image': 'HCN'},
        {'sequence': 'BiGRU', 'image': 'HCN'},
    ]
    first, *_, last = found.values()
    assert (first['epochs'], first['seed']) == (450, 0)
    assert first['data']['train_split'] == 'xsub_train'
    assert last['streams'] == {'sequence': 'joint', 'image': 'joint'}
    assert describe_run(last).endswith('BiGRU+HCN sequence (joint)+image (joint)')


def test_method_is_named_or_made_of_the_heads():
    moco, halp = {'type': 'MoCoHead'}, {'type': 'HaLPHead'}
    model = {'type': 'Pretrainer', 'encoder': {'type': 'BiGRU'}}
    for config, name in (
        ({'method': 'HaLP', 'model': {**model, 'heads': {'moco': moco}}}, 'HaLP'),
        ({'model': {**model, 'heads': {'moco': moco, 'halp': halp}}}, 'moco + halp'),
        ({'model': {**model, 'heads': [moco, halp]}}, 'MoCo + HaLP'),
        ({'model': model}, 'Pretrainer'),
    ):
        assert run_identity(Config(config))['method'] == name


CHANGES = {
    'model.queue_size': 512,
    'model.streams': ['bone'],
    'train_cfg.max_epochs': 3,
    'optim_wrapper.optimizer.lr': 0.5,
    'train_dataloader.batch_size': 7,
    'train_dataloader.dataset.split': 'other',
    'load_from': 'pretrained.pth',
    'auto_scale_lr.enable': True,
}
NO_CHANGES = {
    'randomness.seed': 5,
    'work_dir': 'elsewhere',
    'train_dataloader.dataset.data_file': 'elsewhere.safetensors',
    'test_dataset.split': 'other',
    'train_dataloader.num_workers': 7,
    'log_level': 'DEBUG',
    'default_hooks.logger.interval': 3,
    'default_hooks.checkpoint.max_keep_ckpts': 9,
    'protocols.knn.k': 5,
    'auto_scale_lr.base_batch_size': 7,
    'method': 'under another name',
}


def test_hash_counts_what_makes_the_weights_and_nothing_else():
    expected = settings_sha256(load_config(CONFIG))
    changed = [settings_sha256(load_config(CONFIG, {key: CHANGES[key]})) for key in CHANGES]
    assert len({expected, *changed}) == len(CHANGES) + 1
    for key, value in NO_CHANGES.items():
        assert settings_sha256(load_config(CONFIG, {key: value})) == expected, key
    shuffled = Config(dict(reversed(list(load_config(CONFIG).to_dict().items()))))
    assert settings_sha256(shuffled) == expected


def test_hooks_count_if_they_can_change_weights():
    config = load_config(CONFIG).to_dict()
    base = settings_sha256(Config(config))
    for hook, counts in (
        ({'type': 'EMAHook'}, True),
        ({'type': 'KNNEvaluationHook', 'interval': 3}, False),
    ):
        in_list = {**config, 'custom_hooks': [*listed_hooks(config), hook]}
        in_dict = copy.deepcopy(config)
        in_dict['default_hooks']['mine'] = hook
        hashes = {settings_sha256(Config(content)) for content in (in_list, in_dict)}
        assert len(hashes) == 1, 'whatever the place of a hook'
        assert (hashes != {base}) == counts


def test_a_run_that_is_not_evaluated_is_the_same_run():
    config = training_config(
        CONFIG,
        'work',
        {'train_dataloader.dataset.data_file': __file__, 'test_dataset.data_file': __file__},
        validate=False,
    )
    assert settings_sha256(config) == settings_sha256(load_config(CONFIG))


def listed_hooks(config: dict) -> list:
    hooks = config.get('custom_hooks', [])
    return list(hooks.values()) if isinstance(hooks, dict) else hooks


def test_resumed_run_is_the_same_run():
    config = load_config(CONFIG)
    expected = settings_sha256(config)
    config.resume, config.load_from = True, 'work_dirs/epoch_3.pth'
    assert settings_sha256(config) == expected


def test_overrides_are_kept_beside_the_values():
    config = load_config(CONFIG, {'model.queue_size': 512})
    again = load_config(copy.deepcopy(config), {'train_cfg.max_epochs': 3})
    assert overrides_of(again) == {'model.queue_size': 512, 'train_cfg.max_epochs': 3}
    assert overrides_of(config) == {'model.queue_size': 512}
    assert overrides_of(load_config(CONFIG)) == {}
    assert not any('overrides' in key for key in config.to_dict())


def test_checkpoint_and_results_say_who_made_them(run):
    data_file, options, checkpoint = run
    meta = torch.load(checkpoint, weights_only=True)['meta']
    identity = meta['run_identity']
    assert find_problem(identity) is None
    assert json.loads(json.dumps(identity)) == identity
    assert identity == read_run_identity(checkpoint)
    assert (identity['encoder'], identity['seed']) == ({'bone': 'BiGRU'}, 3)
    assert identity['processes'] == 1
    assert identity['overrides'] == options
    assert identity['config_sha256'] == settings_sha256(load_config(CONFIG, options, seed=8))
    assert identity['data'] == {
        'dataset': 'random',
        'layout': 'kinect_v2',
        'train_split': 'train',
        'file_sha256': hashlib.sha256(data_file.read_bytes()).hexdigest(),
    }
    # Another seed and other values of the evaluation's config are not the run's.
    other = options | {'train_cfg.max_epochs': 2}
    results, _ = evaluate(CONFIG, checkpoint, 'knn', other, seed=5)
    assert results['run'] == identity
    assert (results['seed'], results['warnings'][1:]) == (5, [])


def test_report_calls_a_bone_run_bone(run, tmp_path):
    """Its streams were changed by ``--cfg-options``."""
    _, options, checkpoint = run
    results, _ = evaluate(CONFIG, checkpoint, 'knn', options)
    (tmp_path / 'a.json').write_text(json.dumps(results))
    (result,), _ = read_results(tmp_path)
    (group,), _ = group_results([result])
    assert group.setting.name.endswith(' BiGRU bone')
    assert (group.seeds, group.setting.pretrained_on) == ('1 (3)', '')


def test_files_of_scores_keep_the_identity(run, tmp_path):
    _, options, checkpoint = run
    _, evaluation = evaluate(CONFIG, checkpoint, 'knn', options)
    write_scores(evaluation, tmp_path / 'scores.npz')
    scores = read_scores(tmp_path / 'scores.npz')
    fused = fuse_scores({'a': scores, 'b': scores})
    for origin in (scores.origin, fused.origin):
        assert json.loads(origin['run']) == read_run_identity(checkpoint)


def test_config_of_other_streams_or_encoder_is_refused(run):
    data_file, options, checkpoint = run
    joint = options_of(data_file)
    with pytest.raises(ValueError, match=r'BiGRU bone, but the config is of .* BiGRU joint; use'):
        evaluate(CONFIG, checkpoint, 'knn', joint)
    graph = CONFIGS / 'skeletonclr' / 'stgcn_synthetic_xsub.py'
    places = {key: value for key, value in options.items() if 'data_file' in key or 'split' in key}
    places['model.streams'] = ['bone']
    with pytest.raises(ValueError, match=r'BiGRU bone, but the config is of .* STGCN bone; use'):
        evaluate(graph, checkpoint, 'knn', places)


def with_method(checkpoint, out, method: str | None):
    content = torch.load(checkpoint, weights_only=True)
    if method is None:
        del content['meta']['run_identity']
    else:
        content['meta']['run_identity']['method'] = method
    torch.save(content, out)
    return out


def test_weights_of_another_method(run, tmp_path):
    """A warning where they fit; both methods are named where they do not."""
    _, options, checkpoint = run
    other = with_method(checkpoint, tmp_path / 'other.pth', 'AimCLR')
    results, _ = evaluate(CONFIG, other, 'knn', options)
    assert results['run']['method'] == 'AimCLR'
    assert f'{other} was trained by AimCLR, but the config is of ' in results['warnings'][-1]
    moco = CONFIGS / 'moco' / 'bigru_synthetic_xsub.py'
    options = {key: value for key, value in options.items() if 'heads' not in key}
    with pytest.raises(
        ValueError, match=r'was trained by AimCLR, but the config is of MoCo: .*not'
    ):
        evaluate(moco, other, 'knn', options)


def test_checkpoint_that_does_not_say_who_made_it(run, tmp_path):
    _, options, checkpoint = run
    unknown = with_method(checkpoint, tmp_path / 'unknown.pth', None)
    assert read_run_identity(unknown) is None
    results, _ = evaluate(CONFIG, unknown, 'knn', options, seed=4)
    assert f'{unknown} does not say which run made it' in results['warnings'][-1]
    assert results['run']['encoder'] == {'bone': 'BiGRU'}
    assert results['run']['seed'] is results['run']['config_sha256'] is None


def test_damaged_identity_is_refused(run, tmp_path):
    _, options, checkpoint = run
    damaged = with_method(checkpoint, tmp_path / 'damaged.pth', 3)
    with pytest.raises(ValueError, match='meta/run_identity is damaged: method is 3'):
        evaluate(CONFIG, damaged, 'knn', options)


def test_untrained_encoder_has_the_config_s_identity(run):
    _, options, _ = run
    results, _ = evaluate(CONFIG, None, 'knn', options, seed=4)
    assert results['run'] == {
        **run_identity(load_config(CONFIG, options, seed=4)),
        'data': results['run']['data'],
    }
    assert results['run']['data']['dataset'] == 'random'


def test_protocol_that_looks_at_no_encoder_is_of_the_coordinates(run, monkeypatch):
    _, options, _ = run
    monkeypatch.setattr(KNNProtocol, 'uses_encoder', False)
    results, _ = evaluate(CONFIG, None, 'knn', options)
    assert results['run']['method'] == 'coordinates'
    assert results['run']['seed'] is None


def test_coordinates_have_no_encoder_and_no_seed():
    identity = coordinates_identity(load_config(CONFIG), {'dataset': 'made', 'layout': 'msr'})
    assert find_problem(identity) is None
    assert describe_run(identity) == 'coordinates'
    assert identity['data']['dataset'] == 'made'
    assert identity['seed'] is None
    other = load_config(CONFIG, {'data_preprocessor.normalization': []})
    assert coordinates_identity(other, {})['config_sha256'] != identity['config_sha256']
    other = load_config(CONFIG, {'model.queue_size': 7, 'data_preprocessor.views.query': []})
    assert coordinates_identity(other, {})['config_sha256'] == identity['config_sha256']
