"""Result files are found, checked and grouped."""

import json
import math

import numpy as np
import pytest

from halp_mm.reporting import Setting, group_results, read_results
from halp_mm.reporting.groups import best_supported
from halp_mm.reporting.results import results_of
from halp_mm.reporting.settings import ConfigName, read_config_name
from tests.reports import fused_content, result_content, write_result
from tests.runs import ROOT


def test_config_names():
    read = {
        'configs/halp/bigru_ntu60_xsub.py': ('halp', 'bigru', 'ntu60', 'xsub', 'joint', ''),
        '/a/configs/aimclr/stgcn_pku1_xsub_bone.py': (
            *('aimclr', 'stgcn', 'pku1', 'xsub', 'bone', ''),
        ),
        'configs/aimclr/ablation/stgcn_ntu60_xsub_joint_100e.py': (
            *('aimclr', 'stgcn', 'ntu60', 'xsub', 'joint', '100e'),
        ),
        'C:\\work\\configs\\moco\\bigru_ntu60_xview.py': (
            *('moco', 'bigru', 'ntu60', 'xview', 'joint', ''),
        ),
        'work_dirs/mine/bigru_synthetic_xsub.py': (
            *('mine', 'bigru', 'synthetic', 'xsub', 'joint', ''),
        ),
        'my_configs/mine.py': ('my_configs/mine', '', '', '', '', ''),
    }
    for path, parts in read.items():
        assert read_config_name(path) == ConfigName(*parts)
    for path in (ROOT / 'configs').rglob('*_*.py'):
        if '_base_' not in path.parts:
            name = read_config_name(str(path))
            assert set(name.encoder.split('-')) <= {'bigru', 'stgcn', 'hcn'}
            assert name.stream in ('joint', 'bone', 'motion')


def test_a_folder_of_results(tmp_path):
    write_result(tmp_path / 'a.json')
    write_result(tmp_path / 'deep' / 'below' / 'b.json', seed=1, top1=60.0)
    (tmp_path / 'run' / 'vis_data').mkdir(parents=True)
    (tmp_path / 'run' / 'vis_data' / 'scalars.json').write_text('{"loss": 1}\n{"loss": 2}\n')
    (tmp_path / 'foreign.json').write_text('{"loss": 1, "step": 3}')
    (tmp_path / 'list.json').write_text('[1, 2]')
    results, problems = read_results(tmp_path)
    assert problems == []
    assert [result.file for result in results] == ['a.json', 'deep/below/b.json']
    (group,), notes = group_results(results)
    assert notes == []
    assert group.setting.name == 'halp bigru joint'
    assert group.seeds == '0, 1'
    figure = group.figure('top1')
    assert (figure.mean, figure.count) == (55.0, 2)
    assert figure.deviation == pytest.approx(math.sqrt((5**2 + 5**2) / (2 - 1)))
    assert figure.text(1) == '55.0 ± 7.1'
    np.testing.assert_array_equal(group.confusion, [[4, 0, 0], [2, 2, 0], [0, 4, 0]])


def test_deviation_is_that_of_numpy():
    values = [71.25, 68.5, 74.0, 70.125]
    results = [
        result
        for seed, top1 in enumerate(values)
        for result in results_of(result_content(seed=seed, top1=top1), f'{seed}.json')
    ]
    (group,), _ = group_results(results)
    assert group.figure('top1').mean == pytest.approx(np.mean(values))
    assert group.figure('top1').deviation == pytest.approx(np.std(values, ddof=1))
    (group,), _ = group_results(results[:1])
    assert group.figure('top1').deviation is None
    assert group.figure('top1').text(2) == '71.25'
    assert group.figure('map') is None


def test_of_a_repeated_seed_the_newest_counts():
    early, late = '2026-01-01T00:00:00+00:00', '2026-02-01T00:00:00+00:00'
    contents = {
        'a.json': result_content(top1=99.0, finished=late, config_sha256='b' * 64),
        'b.json': result_content(top1=11.0, finished=early),
    }
    for files in (['a.json', 'b.json'], ['b.json', 'a.json']):
        results = [result for file in files for result in results_of(contents[file], file)]
        (group,), (note,) = group_results(results)
        assert group.figure('top1').mean == 99
        assert 'seed 0 of halp bigru joint, linear' in note
        assert 'a.json counts, being the newest; b.json does not. Their configs differ' in note


def test_what_is_kept_apart():
    contents = [
        result_content(),
        result_content(seed=1),
        result_content(checkpoint=None),
        result_content(protocol='knn'),
        result_content(config='configs/moco/bigru_ntu60_xsub.py'),
        result_content(settings={'type': 'LinearProtocol', 'epochs': 80, 'seed': 0}),
        result_content(dataset='pku2', protocol='transfer'),
    ]
    results = [r for i, content in enumerate(contents) for r in results_of(content, f'{i}.json')]
    groups, notes = group_results(results)
    assert notes == []
    assert sorted(len(group.results) for group in groups) == [1, 1, 1, 1, 1, 2]
    names = [group.setting.name for group in groups]
    assert 'halp bigru joint (untrained)' in names
    assert 'halp bigru joint (from ntu60 xsub)' in names
    linear = {'dataset': 'ntu60', 'split': 'xsub', 'protocol': 'linear', 'method': 'halp'}
    fitting = [group for group in groups if group.setting.fits(linear)]
    assert len(fitting) == 2, 'neither the untrained nor the transferred'
    assert best_supported(fitting).seeds == '0, 1'
    assert best_supported([]) is None


def test_several_streams_and_parts_of_the_labels():
    metrics = {'top1': 3.0, 'top5': 4.0, 'joint/top1': 1.0, 'bone/top1': 2.0, 'num_test': 6}
    results = results_of(result_content(metrics=metrics), 'streams.json')
    found = {result.setting.stream: result.metrics['top1'] for result in results}
    assert found == {'joint+bone': 3.0, 'joint': 1.0, 'bone': 2.0}
    assert [result.confusion is None for result in results] == [False, True, True]

    metrics = {'top1': 1.0, 'top5': 2.0, '0.01/top1': 1.0, '0.01/top1_std': 0.5, '0.1/top1': 9.0}
    results = results_of(result_content(metrics=metrics, protocol='semi'), 'semi.json')
    found = {result.setting.label_fraction: result.metrics for result in results}
    assert found == {'0.01': {'top1': 1.0, 'top1_std': 0.5}, '0.1': {'top1': 9.0}}
    assert results[1].setting.protocol_name == 'semi, 10 % of the labels'


def test_fused_results():
    (result,) = results_of(fused_content(('motion', 'joint', 'bone')), 'fused.json')
    assert result.setting.name == 'aimclr stgcn joint+bone+motion'
    assert (result.seed, result.metrics['top1']) == ('0', 70.0)
    (same,) = results_of(fused_content(), 'other.json')
    assert same.setting == result.setting, 'whatever the order of the files'
    content = fused_content(protocol='LinearProtocol')
    content['fused'][1]['seed'] = 5
    (result,) = results_of(content, 'fused.json')
    assert (result.setting.protocol, result.seed) == ('linear', '0+5')
    content = fused_content(('joint', 'joint'))
    assert results_of(content, 'fused.json')[0].setting.stream == 'fusion of 2'
    content['fused'][0]['config'] = 'configs/halp/stgcn_ntu60_xsub_bone.py'
    with pytest.raises(ValueError, match='it fuses runs of different methods or data'):
        results_of(content, 'fused.json')
    with pytest.raises(ValueError, match="a file in fused: it has no 'config'"):
        results_of(fused_content(fused=[{'file': 'a.npz', 'weight': 1}]), 'fused.json')


BAD = {
    'flat': ({'metrics': None}, 'metrics is null; expected an object'),
    'seed': ({'seed': None}, 'seed is null; expected a whole number'),
    'figure': ({'metrics': {'top1': 'high'}}, 'top1 is "high"; expected a number'),
    'per_cent': ({'metrics': {'top1': 150.0}}, 'top1 is 150.0; expected 0 to 100 per cent'),
    'no_top1': ({'metrics': {'map': 1.0}}, r"metrics has no top1, only \['map'\]"),
    'confusion': ({'confusion': [[1, 2], [3, 4]]}, r'confusion has 2 rows .* \[3, 3\]'),
    'negative': ({'confusion': [[-1, 0, 0], [0] * 3, [0] * 3]}, 'not of counts'),
    'class': ({'classes': ['sit']}, 'classes holds "sit"; expected objects'),
    'warnings': ({'warnings': [1]}, 'warnings is .1.; expected a list of texts'),
    'checkpoint': ({'checkpoint': 3}, 'checkpoint is 3; expected a text'),
    'empty': ({'fused': []}, 'fused is .*; expected a list of files'),
}


@pytest.mark.parametrize('name', BAD)
def test_bad_results_are_refused(name):
    changes, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        results_of(result_content(**changes), 'bad.json')


def test_a_missing_field_is_refused():
    content = result_content()
    del content['confusion']
    with pytest.raises(ValueError, match=r"has no 'confusion'; was an older halp_mm used\? Make"):
        results_of(content, 'bad.json')


def test_bad_files_are_named_and_the_others_count(tmp_path):
    write_result(tmp_path / 'good.json')
    text = json.dumps(result_content())
    (tmp_path / 'half.json').write_text(text[: len(text) // 2])
    (tmp_path / 'nan.json').write_text(text.replace('50.0', 'NaN', 1))
    (tmp_path / 'bytes.json').write_bytes(b'\xff\xfe\x00')
    (tmp_path / 'deep.json').write_text('[' * 100_000)
    results, problems = read_results(tmp_path)
    assert [result.file for result in results] == ['good.json']
    assert [problem.partition(':')[0] for problem in problems] == [
        *('bytes.json', 'deep.json', 'half.json', 'nan.json'),
    ]
    assert 'truncated or not JSON' in problems[2]
    assert 'it holds NaN; expected finite numbers' in problems[3]


def test_nothing_to_report(tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no folder of results'):
        read_results(tmp_path / 'none')
    (tmp_path / 'half.json').write_text('{')
    with pytest.raises(ValueError, match=r'no result under .*tools/test.py(.|\n)*half.json: it is'):
        read_results(tmp_path)


def test_settings_are_in_order():
    groups, _ = group_results(
        result
        for i, config in enumerate(('moco', 'halp'))
        for result in results_of(result_content(f'configs/{config}/bigru_ntu60_xsub.py'), f'{i}')
    )
    assert [group.setting.method for group in groups] == ['halp', 'moco']
    assert all(isinstance(group.setting, Setting) for group in groups)
