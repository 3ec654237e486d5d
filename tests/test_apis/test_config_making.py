"""Configs that are made for data: the facts, the recipe, and what is written."""

import ast
import re
from dataclasses import replace

import numpy as np
import pytest
from mmengine.config import Config

from halp_mm.apis import load_config, train
from halp_mm.apis.config_making import (
    base_config,
    base_names,
    config_text,
    formatted,
    make_config,
    small_methods,
)
from halp_mm.apis.data_facts import find_facts
from halp_mm.apis.recipe import choose_settings
from halp_mm.datasets import ClipWriter, SkeletonDataset, pad_clips
from halp_mm.registry import DATASETS, MODELS
from halp_mm.skeletons import get_layout
from tests.conftest import write_random_clips
from tests.made_configs import FACTS, made_configs
from tests.runs import run_tool


def write_bodies(path, angles, layout='kinect_v2', splits=('train', 'test'), people=1, channels=3):
    """Clips of noise around one pose that is turned about z by each of the angles, in degrees."""
    layout = get_layout(layout)
    pose = np.random.default_rng(0).normal(size=(layout.num_joints, channels))
    if layout.shoulders is not None and channels == 3:
        right, left = (layout.index(joint) for joint in layout.shoulders)
        pose[right], pose[left] = (-1, 0, 1), (1, 0, 1)
    with ClipWriter(path, layout, ['a', 'b'], 'bodies') as writer:
        for i, angle in enumerate(angles):
            turn = np.eye(channels)
            cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
            turn[:2, :2] = [[cosine, sine], [-sine, cosine]]
            draws = np.random.default_rng(i).normal(size=(people, 12, *pose.shape))
            clip = (pose + 0.01 * draws) @ turn
            writer.add(f'clip{i:03d}', clip, i % 2, [splits[i % len(splits)]], number=i)
    return path


def choices_of(facts, method):
    """The recipe's choices by what is chosen, each once."""
    choices = choose_settings(facts, base_config(base_names(method)))
    by_name = {choice.what: choice for choice in choices}
    assert len(by_name) == len(choices)
    return by_name


def facing_by_a_loop(data_file, split, layout='kinect_v2'):
    dataset, layout = SkeletonDataset(data_file, split), get_layout(layout)
    right, left = (layout.index(joint) for joint in layout.shoulders)
    total = np.zeros(3)
    for i in range(len(dataset)):
        frame = dataset[i]['clip'][0, 6].numpy()
        line = frame[left] - frame[right]
        total += line / np.linalg.norm(line)
    return total / len(dataset)


def test_where_people_face(tmp_path):
    data_file = write_bodies(tmp_path / 'a.safetensors', [0, 30, 60, 100, 20, 80])
    facts = find_facts(data_file)
    train_mean, test_mean = (facing_by_a_loop(data_file, split) for split in ('train', 'test'))
    lengths = [np.linalg.norm(mean) for mean in (train_mean, test_mean)]
    assert facts.facing == pytest.approx(lengths[0], abs=0.02)
    angle = np.degrees(np.arccos(train_mean @ test_mean / np.prod(lengths)))
    assert facts.turn == pytest.approx(angle, abs=2)
    assert (facts.num_clips, facts.num_test_clips, facts.num_frames) == (3, 3, 12)
    assert (facts.layout, facts.dimensions, facts.num_channels) == ('kinect_v2', 3, 3)


@pytest.mark.parametrize(
    ('angles', 'turn', 'reason'),
    [
        ([0, 0, 2, 3] * 3, None, 'people mostly face one way'),
        ([0, 0, 90, 90] * 3, None, 'people mostly face one way'),
        ([0, 40] * 6, 'median', 'test clips are seen from another side, by 40 degrees'),
        ([0, 5, 180, 185, 90, 95, 270, 275], 'median', 'people face every way'),
    ],
)
def test_what_is_turned_and_read(angles, turn, reason, tmp_path):
    facts = find_facts(write_bodies(tmp_path / 'a.safetensors', angles))
    choices = choices_of(facts, 'moco')
    (normalization,) = choices['normalisation'].settings['data_preprocessor.normalization']
    assert normalization == dict(type='PreNormalize3D', turn=turn, center='clip')
    assert reason in choices['normalisation'].reason
    distances = choices['distances']
    several = turn == 'median' or 90 in angles
    assert distances.settings == {'model.encoder.distances': several}
    assert (reason if turn or not several else 'more than one side') in distances.reason
    choice = choices_of(facts, 'skeletonclr')['normalisation']
    (normalization,) = choice.settings['data_preprocessor.normalization']
    assert normalization['align_shoulders'] == (turn is not None)
    # What is a method's own comes after it.
    choice = choices_of(facts, 'sebirenet')['normalisation']
    *turned, own = choice.settings['data_preprocessor.normalization']
    assert turned == ([dict(type='PreNormalize3D', turn=turn, center='clip')] if turn else [])
    assert own['type'] == 'PoseStandardize'
    assert (reason in choice.reason) == bool(turn)
    # But for one that turns people itself.
    choice = choices_of(facts, 'gl_transformer')['normalisation']
    (own,) = choice.settings['data_preprocessor.normalization']
    assert own['type'] == 'CenterTrajectory'


def test_distances_of_several_people_are_not_read(tmp_path):
    data_file = write_bodies(tmp_path / 'a.safetensors', [0, 40] * 6, people=2)
    choice = choices_of(find_facts(data_file), 'moco')['distances']
    assert choice.settings == {'model.encoder.distances': False}
    assert 'several people' in choice.reason


@pytest.mark.parametrize(('people', 'centre'), [(1, 'one centre a clip'), (2, 'first person')])
def test_what_is_the_centre(people, centre, tmp_path):
    data_file = write_bodies(tmp_path / 'a.safetensors', [0, 0, 2, 3] * 3, people=people)
    choice = choices_of(find_facts(data_file), 'moco')['normalisation']
    (normalization,) = choice.settings['data_preprocessor.normalization']
    expected = dict(type='PreNormalize3D', turn=None)
    assert normalization == (expected | dict(center='clip') if people == 1 else expected)
    assert centre in choice.reason


def test_a_person_who_is_hardly_ever_there_is_left_out(tmp_path):
    with ClipWriter(tmp_path / 'a.safetensors', 'kinect_v2', ['a'], 'mine') as writer:
        for i in range(60):
            clip = np.random.default_rng(i).normal(size=(1 + (i < 2), 5, 25, 3))
            writer.add(f'clip{i}', clip, 0, ['train'])
        for i in range(30):
            clip = np.random.default_rng(i).normal(size=(1 + (i < 20), 5, 25, 3))
            writer.add(f'pair{i}', clip, 0, ['pairs_train'])
    few, many = (find_facts(tmp_path / 'a.safetensors', name) for name in ('train', 'pairs'))
    assert (few.num_people, few.clips_with_more, few.test_split) == (1, 2, None)
    assert (many.num_people, many.clips_with_more) == (2, 0)
    assert few.num_frames == 5


@pytest.mark.parametrize('method', small_methods())
def test_every_method_has_a_config_that_learns_from_two_people(method, tmp_path):
    data_file = write_random_clips(tmp_path / 'clips.safetensors')
    choices = make_config(data_file, method, tmp_path / 'made.py')
    assert len({choice.what for choice in choices}) == len(choices) > 5
    assert all(choice.reason and '\n' not in str(choice) for choice in choices)
    config = load_config(tmp_path / 'made.py')
    dataset = DATASETS.build(config.train_dataloader.dataset)
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    batch = pad_clips([dataset[i] for i in range(4)])
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    assert total.isfinite()
    for name, head in config.model.get('heads', {}).items():
        for epoch in ('start_epoch', 'end_epoch'):
            assert (head or {}).get(epoch, 0) < config.train_cfg.max_epochs, name


@pytest.mark.parametrize(
    ('method', 'encoder', 'layout', 'channels'),
    [
        ('halp', None, 'msr_action3d', 3),
        ('moco', 'stgcn', 'hand21', 3),
        ('skeletonclr', 'bigru', 'coco17', 3),
        ('halp', None, 'blazepose33', 4),
    ],
)
def test_a_made_config_trains(method, encoder, layout, channels, tmp_path):
    data_file = tmp_path / 'clips.safetensors'
    write_bodies(data_file, range(24), layout, ('xsub_train', 'xsub_test'), channels=channels)
    make_config(data_file, method, tmp_path / 'made.py', encoder=encoder, split='xsub')
    options = {'train_cfg.max_epochs': 2, 'default_hooks.evaluation.interval': 2}
    config = load_config(tmp_path / 'made.py', options)
    assert config.model.encoder.layout == layout
    assert config.model.encoder.type == {'bigru': 'BiGRU', 'stgcn': 'STGCN'}.get(encoder, 'BiGRU')
    runner = train(config, tmp_path / 'run')
    assert runner.iter == 2
    assert all(parameter.isfinite().all() for parameter in runner.model.parameters())
    assert 'knn_top1' in runner.log_file.read_text()


def test_the_file_s_own_layout_is_left_to_the_data(tmp_path):
    layout = dict(name='three', joints=['a', 'b', 'c'], bones=[('a', 'b'), ('b', 'c')], center='b')
    with ClipWriter(tmp_path / 'a.safetensors', layout, [], 'mine') as writer:
        for i in range(9):
            clip = np.random.default_rng(i).normal(size=(1, 30, 3, 3))
            writer.add(f'clip{i}', clip, None, ['train'])
    choices = make_config(tmp_path / 'a.safetensors', 'moco', tmp_path / 'made.py')
    config = load_config(tmp_path / 'made.py')
    assert list(config.model.encoder.layout['joints']) == ['a', 'b', 'c']
    assert config.test_dataset is None
    assert config.data_preprocessor.normalization == []
    reasons = {choice.what: choice.reason for choice in choices}
    assert reasons['splits'] == 'no labelled test clips: nothing is evaluated'
    assert reasons['normalisation'] == 'none; the layout names no shoulders to go by'


def test_short_clips_get_short_crops_and_long_ones_those_of_the_base(tmp_path):
    for frames, shortest in ((9, 3), (100, 12)):
        data_file, out = (tmp_path / f'{frames}{end}' for end in ('.safetensors', '.py'))
        with ClipWriter(data_file, 'kinect_v2', ['a'], 'mine') as writer:
            for i in range(9):
                clip = np.random.default_rng(i).normal(size=(1, frames, 25, 3))
                writer.add(f'clip{i}', clip, 0, ['train'])
        make_config(data_file, 'moco', out)
        for view in load_config(out).data_preprocessor.views.values():
            assert view[0].min_frames == shortest


@pytest.mark.parametrize(
    ('method', 'batch_size', 'steps'),
    [('moco', 64, 1500), ('crosclr_b', 64, 1500), ('ascal', 64, 600), ('isc', 32, 1500)],
)
def test_batch_and_steps_are_what_the_encoders_allow(method, batch_size, steps):
    facts = FACTS['utd-mhad_xsub']
    choices = choose_settings(facts, base_config(base_names(method)))
    settings = {key: value for choice in choices for key, value in choice.settings.items()}
    assert settings['train_dataloader.batch_size'] == batch_size
    steps_an_epoch = facts.num_clips // batch_size
    assert settings['train_cfg.max_epochs'] == round(steps / steps_an_epoch)


@pytest.mark.parametrize('method', ['moco', 'isc', 'pc'])
def test_the_warm_up_of_few_epochs_counts_steps(method):
    facts = replace(FACTS['utd-mhad_xsub'], num_clips=50_000)
    schedule = choices_of(facts, method)['steps'].settings
    warm_up = schedule['param_scheduler'][0]
    assert warm_up['end'] == 1
    assert warm_up['convert_to_iter_based']


def test_the_schedule_is_a_number_of_steps(tmp_path):
    steps = []
    for count in (48, 300):
        data_file, out = (tmp_path / f'{count}{end}' for end in ('.safetensors', '.py'))
        write_bodies(data_file, range(count), splits=['train'])
        make_config(data_file, 'halp_nnm', out)
        config = load_config(out)
        epochs = config.train_cfg.max_epochs
        steps.append(epochs * (count // config.train_dataloader.batch_size))
        warm_up, cosine = config.param_scheduler
        assert (warm_up.begin, warm_up.end) == (0, cosine.begin)
        assert cosine.end == epochs == cosine.begin + cosine.T_max
        halp = config.model.heads.halp
        assert halp.start_epoch == pytest.approx(0.4 * epochs, abs=1)
        assert halp.num_newest <= config.model.queue_size <= max(count, 64)
        assert halp.num_newest >= 12 * halp.num_prototypes or halp.num_prototypes == 4
        nnm = config.model.heads.nnm
        assert nnm.start_epoch == config.model.heads.moco.end_epoch
        assert nnm.top_k == min(5, config.model.queue_size // 16)
    assert steps[0] == pytest.approx(steps[1], rel=0.02)


def test_shipped_configs_of_small_sets_are_the_recipe_s():
    for path, text in made_configs():
        assert path.read_text() == text, 'python -m tests.made_configs writes them anew'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--method', 'halpp'], "there is no method 'halpp'; did you mean 'halp'?"),
        (['--method', 'moco', '--encoder', 'bigrru'], "no encoder 'bigrru'; did you mean 'bigru'?"),
        (['--method', 'isc', '--encoder', 'bigru'], "several encoders, ['graph', 'sequence']"),
        (['--method', 'moco', '--split', 'xview'], "has no split 'xview'; it has"),
        (['--method', 'moco', '--out', 'made.txt'], 'expected a name that ends in .py'),
        (['--method', 'moco', '--out', 'there.py'], 'there.py already; choose another name'),
    ],
)
def test_what_is_refused(arguments, message, tmp_path):
    data_file = write_bodies(tmp_path / 'a.safetensors', range(12))
    (tmp_path / 'there.py').write_text('')
    words = [str(data_file), *arguments]
    if '--out' not in words:
        words += ['--out', 'made.py']
    answer = run_tool('make_config.py', *words, cwd=tmp_path)
    assert answer.returncode == 1
    assert message in answer.stderr
    assert answer.stderr.count('\n') == 1
    assert not (tmp_path / 'made.py').exists()


@pytest.mark.parametrize(
    ('splits', 'count', 'message'),
    [
        (['train'], 3, 'train has 3 clips; clips are contrasted with each other'),
        (['xsub_train', 'xview_train'], 8, 'has 2 splits to train on; name one with --split'),
    ],
)
def test_files_that_are_refused(splits, count, message, tmp_path):
    data_file = write_bodies(tmp_path / 'a.safetensors', range(count), splits=splits)
    with pytest.raises(ValueError, match=message):
        make_config(data_file, 'moco', tmp_path / 'made.py')
    with pytest.raises(FileNotFoundError, match='no data file'):
        make_config(tmp_path / 'no.safetensors', 'moco', tmp_path / 'made.py')


def test_the_command_prints_each_choice_with_its_reason(random_clips, tmp_path):
    answer = run_tool(
        'make_config.py', random_clips, '--method', 'halp', '--out', 'made.py', cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[-1] == 'written: made.py'
    assert all(re.fullmatch(r'[\w ]+: .{10,}', line) for line in lines[:-1])
    assert 'steps: about 1,500, whatever the number of clips: 1500 epochs' in lines
    text = (tmp_path / 'made.py').read_text()
    assert "'halp_mm::_base_/methods/halp_small.py'" in text


def test_written_values_are_read_again(tmp_path):
    settings = {
        'model.encoder': dict(_delete_=True, type='STGCN', stages=(2, 2, 2)),
        'model.heads.moco.temperature': 0.1,
        'test_dataset': None,
        'views': [dict(type='Shear', amplitude=0.5, name='a' * 60)] * 2 + [(1,)],
        'train_dataloader.dataset.data_file': "it's/" + 'long/' * 20,
    }
    path = tmp_path / 'made.py'
    path.write_text(config_text('A comment.\nOf two lines.', [], settings))
    read = Config.fromfile(path)
    assert read.model.heads.moco.temperature == 0.1
    assert (read.test_dataset, read.views) == (None, settings['views'])
    assert read.train_dataloader.dataset.data_file == "it's/" + 'long/' * 20
    assert read.model.encoder.stages == (2, 2, 2)
    ast.parse(path.read_text())
    assert max(map(len, path.read_text().splitlines()[:-3])) <= 150
    assert formatted({}, 'a = ', '') == 'a = dict()'


def test_views_that_are_alike_are_written_once(tmp_path):
    shear, flip = [dict(type='Shear', amplitude=0.5)], [dict(type='Flip')]
    views = dict(clean=None, query=list(shear), other=flip, key=shear)
    settings = {'model.queue_size': 64, 'data_preprocessor.views': views}
    path = tmp_path / 'made.py'
    path.write_text(config_text('A comment.', [], settings))
    assert path.read_text().count('Shear') == 1
    assert Config.fromfile(path).data_preprocessor.views.to_dict() == views
    assert settings['data_preprocessor.views'] is views
    other = dict(query=shear, key=flip)
    path.write_text(config_text('A comment.', [], {'data_preprocessor.views': other}))
    read = Config.fromfile(path)
    assert read.data_preprocessor.views.to_dict() == other
    assert 'view' not in read
