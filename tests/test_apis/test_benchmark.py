"""What a benchmark plans: sets, configs, and runs that are shared."""

import json
from pathlib import Path

import numpy as np
import pytest

from halp_mm.apis.benchmark import plan_benchmark
from halp_mm.apis.benchmark_configs import known_methods
from halp_mm.apis.benchmark_sets import benchmark_names, find_sets
from halp_mm.datasets import ClipWriter
from halp_mm.datasets.merging import merge_data_files
from halp_mm.skeletons import get_layout

SPLITS = {
    'msr_action3d': ['xsub'],
    'utd_mhad': ['xsub'],
    'msrc12': ['xsub'],
    'nw_ucla': ['xsub', 'xview'],
}


@pytest.fixture
def all_data(tmp_path, monkeypatch) -> Path:
    """A working directory with small data files of all sets of the benchmark."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for name, protocols in SPLITS.items():
        layout = get_layout(name if name in ('msr_action3d', 'utd_mhad') else 'kinect_v1')
        with ClipWriter(
            f'data/{name}.safetensors', layout, [f'{name} a', f'{name} b'], name
        ) as writer:
            for i in range(12):
                part = 'test' if i % 3 == 0 else 'train'
                splits = [f'{protocol}_{part}' for protocol in protocols]
                splits += ['xview_clean_test'] if name == 'nw_ucla' and i == 3 else []
                clip = generator.normal(size=(1, 20, layout.num_joints, 3)).astype(np.float32)
                writer.add(f'clip{i}', clip, label=i % 2, splits=splits)
    merge_data_files(
        [f'data/{name}.safetensors' for name in SPLITS],
        out='data/kinect_pool.safetensors',
        to_layout='kinect_v1',
        protocols={'nw_ucla': 'xview'},
        scale=dict.fromkeys(SPLITS, 1.0),
    )
    return tmp_path


def test_the_sets_of_record(all_data):
    names = benchmark_names()
    assert names[-1] == 'union'
    assert set(names) == {
        *('msr-action3d_xsub', 'utd-mhad_xsub', 'nw-ucla_xsub', 'nw-ucla_xview', 'msrc12_xsub'),
        'union',
    }
    sets = {one.name: one for one in find_sets(names)}
    assert [test.split for test in sets['nw-ucla_xview'].tests] == [
        'xview_test',
        'xview_clean_test',
    ]
    assert [test.split for test in sets['nw-ucla_xsub'].tests] == ['xsub_test']
    union = sets['union']
    assert union.train_split == 'train'
    assert [test.name for test in union.tests] == [
        'msr-action3d_xsub.xsub_test',
        'utd-mhad_xsub.xsub_test',
        'nw-ucla_xview.xview_test',
        'nw-ucla_xview.xview_clean_test',
        'msrc12_xsub.xsub_test',
    ]


def test_files_of_ones_own(all_data):
    file = 'data/nw_ucla.safetensors'
    both = find_sets([file])
    assert {one.name: one.train_split for one in both} == {
        'nw_ucla_xsub': 'xsub_train',
        'nw_ucla_xview': 'xview_train',
    }
    (xview,) = find_sets([f'{file}:xview'])
    assert [test.split for test in xview.tests] == ['xview_test', 'xview_clean_test']
    assert [one.name for one in find_sets([f'{file}:xview_train'])] == ['nw_ucla_xview']
    with pytest.raises(ValueError, match=r"no protocol 'xveiw'; did you mean 'xview'"):
        find_sets([f'{file}:xveiw'])
    with pytest.raises(FileNotFoundError, match=r'there is no data file data/mine\.safetensors'):
        find_sets(['data/mine.safetensors'])
    with pytest.raises(ValueError, match=r"no set 'nw-ucla_xviev'; did you mean 'nw-ucla_xview'"):
        find_sets(['nw-ucla_xviev'])


def test_runs_are_by_seed_and_what_needs_no_training_is_shared(all_data):
    plan = plan_benchmark(
        ['nw-ucla_xview', 'union'], ['moco', 'halp/bigru', 'halp_aimclr'], [1, 0], 'work'
    )
    first = [run for run in plan.runs if run.seed == 1]
    assert plan.runs[: len(first)] == first
    by_kind = {}
    for row in plan.rows:
        by_kind.setdefault((row.data.name, row.kind), []).append(row.name)
    assert by_kind == {
        ('nw-ucla_xview', 'untrained'): ['untrained BiGRU joint', 'untrained STGCN joint'],
        # The recipe turns these random clips otherwise than the shipped configs do NW-UCLA's.
        ('nw-ucla_xview', 'coordinates'): ['coordinates', 'coordinates'],
        ('nw-ucla_xview', 'trained'): [
            'MoCo BiGRU joint',
            'HaLP BiGRU joint',
            'HaLP + AimCLR STGCN joint',
        ],
        ('union', 'untrained'): ['untrained BiGRU joint', 'untrained STGCN joint'],
        ('union', 'trained'): [
            'MoCo BiGRU joint',
            'HaLP BiGRU joint',
            'HaLP + AimCLR STGCN joint',
        ],
    }
    made = [note for note in plan.notes if 'from the recipe' in note]
    assert [note.split(' by ')[0] for note in made] == [
        'nw-ucla_xview: halp_aimclr',
        'union: moco',
        'union: halp/bigru',
        'union: halp_aimclr',
    ]
    runs = {str(run): run for run in plan.runs}
    moco = runs['MoCo BiGRU joint on nw-ucla_xview, seed 0']
    assert moco.config.file.endswith('moco/bigru_nw-ucla_xview.py')
    assert moco.steps() == [
        'training',
        *(
            f'{split}.{name}'
            for split in ('xview_test', 'xview_clean_test')
            for name in ('knn', 'linear', 'few_shot')
        ),
    ]
    pooled = runs['HaLP BiGRU joint on union, seed 1']
    assert pooled.evaluations[0].load_target().test_dataset.split == 'xsub_test'
    assert pooled.config.loaded.train_dataloader.dataset.split == 'train'
    assert pooled.folder == Path('work/halp/bigru_union/seed_1')
    text = Path('work/configs/moco/bigru_union.py').read_text()
    Path('work/configs/moco/bigru_union.py').write_text(f'{text}\nmethod = "Mine"\n')
    again = plan_benchmark(['union'], ['moco'], [0], 'work')
    assert again.rows[-1].name == 'Mine BiGRU joint', 'a config that is there stays'


def test_a_methods_own_encoders_may_be_named(all_data):
    """ISC's two, as in the names of its configs, make what the method alone makes."""
    plan = plan_benchmark(['union'], ['isc/bigru-agcn'], [0], 'work')
    made = Path('work/configs/isc/bigru-agcn_union.py')
    assert [row.config for row in plan.rows if row.kind == 'trained'] == [str(made)]
    text = made.read_text()
    made.unlink()
    plan_benchmark(['union'], ['isc'], [0], 'work')
    assert made.read_text() == text


def test_methods(all_data):
    assert {'moco', 'halp', 'stgcn', 'slim'} < set(known_methods())
    assert not {'_base_', 'benchmark'} & set(known_methods())
    with pytest.raises(ValueError, match=r"no method 'moko'; did you mean 'moco'"):
        plan_benchmark(['utd-mhad_xsub'], ['moko'], [0], 'work')
    own = Path('mine/wide.py')
    own.parent.mkdir()
    own.write_text(
        "_base_ = 'halp_mm::moco/bigru_utd-mhad_xsub.py'\nmodel = dict(encoder=dict(hidden_size=9))"
    )
    plan = plan_benchmark(['utd-mhad_xsub', 'msrc12_xsub'], [str(own), 'moco'], [0], 'work')
    assert next(row.config for row in plan.rows if row.kind == 'trained') == str(own)
    assert (
        'msrc12_xsub: mine/wide.py is left out, because it trains on xsub_train of '
        'data/utd_mhad.safetensors'
    ) in plan.notes


def test_configs_of_ones_own_are_used_on_the_sets_that_they_train_on(all_data):
    """Of other sets no data file has to be there."""
    Path('data/msrc12.safetensors').unlink()
    Path('data/utd_mhad.safetensors').rename('data/mine.safetensors')
    shipped, own = Path('shipped.py'), Path('own.py')
    shipped.write_text("_base_ = 'halp_mm::moco/bigru_nw-ucla_xview.py'")
    own.write_text(
        "_base_ = 'halp_mm::moco/bigru_utd-mhad_xsub.py'\n"
        "train_dataloader = dict(dataset=dict(data_file='data/mine.safetensors'))\n"
        "test_dataset = dict(data_file='data/mine.safetensors')"
    )
    plan = plan_benchmark(methods=['shipped.py', 'own.py'], seeds=[0], work_dir='work')
    trained = {row.data.name: row.config for row in plan.rows if row.kind == 'trained'}
    assert trained == {'nw-ucla_xview': 'shipped.py', 'mine_xsub': 'own.py'}


def test_a_method_that_does_not_suit_the_layout_is_left_out(all_data):
    layout = {'name': 'stick', 'joints': ['a', 'b'], 'bones': [['a', 'b']], 'center': 'a'}
    with ClipWriter('data/stick.safetensors', layout, ['x', 'y'], 'stick') as writer:
        for i in range(12):
            clip = np.random.default_rng(i).normal(size=(1, 20, 2, 3)).astype(np.float32)
            split = 'test' if i % 3 == 0 else 'train'
            writer.add(f'clip{i}', clip, label=i % 2, splits=[split])
    plan = plan_benchmark(['data/stick.safetensors'], ['moco', 'h_transformer'], [0], 'work')
    assert [row.name for row in plan.rows if row.kind == 'trained'] == ['MoCo BiGRU joint']
    (note,) = [note for note in plan.notes if 'left out' in note]
    assert note.startswith('stick: h_transformer is left out: ')


def test_an_encoder_of_the_union_is_tested_on_each_set(all_data):
    plan = plan_benchmark(['union'], ['moco'], [0], 'work', ['knn'])
    (run,) = [run for row in plan.rows if row.kind == 'untrained' for run in row.runs]
    for step, found in (
        ('nw-ucla_xview.xview_clean_test.knn', ('nw_ucla', 'xview_train', 'xview_clean_test', 1)),
        ('msr-action3d_xsub.xsub_test.knn', ('msr_action3d', 'xsub_train', 'xsub_test', 4)),
    ):
        run.do(step)
        results = json.loads((run.folder / f'{step}.json').read_text())
        facts = (*(results[key] for key in ('dataset', 'train_split', 'test_split')),)
        assert (*facts, results['metrics']['num_test']) == found
    assert [step for step in run.steps() if 'nw-ucla' in step] == ['nw-ucla_xview.xview_test.knn']
