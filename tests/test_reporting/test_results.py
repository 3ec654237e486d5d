"""Result files are found, checked and grouped."""

import json
import math

import numpy as np
import pytest

from halp_mm.reporting import Setting, group_results, read_results
from halp_mm.reporting.groups import best_supported
from halp_mm.reporting.results import results_of
from tests.reports import fused_content, result_content, run_content, write_result


def test_a_folder_of_results(tmp_path):
    write_result(tmp_path / 'a.json')
    write_result(tmp_path / 'deep' / 'below' / 'b.json', run_content(seed=1), top1=60.0)
    (tmp_path / 'run' / 'vis_data').mkdir(parents=True)
    (tmp_path / 'run' / 'vis_data' / 'scalars.json').write_text('{"loss": 1}\n{"loss": 2}\n')
    (tmp_path / 'foreign.json').write_text('{"loss": 1, "step": 3}')
    (tmp_path / 'list.json').write_text('[1, 2]')
    results, problems = read_results(tmp_path)
    assert problems == []
    assert [result.file for result in results] == ['a.json', 'deep/below/b.json']
    (group,), notes = group_results(results)
    assert notes == []
    assert group.setting.name == 'HaLP BiGRU joint'
    assert group.seeds == '2 (0, 1)'
    summary = group.summary('top1')
    assert (summary.mean, summary.count) == (55.0, 2)
    assert summary.deviation == pytest.approx(math.sqrt((5**2 + 5**2) / (2 - 1)))
    assert summary.text(1) == '55.0 ± 7.1'
    np.testing.assert_array_equal(group.confusion, [[4, 0, 0], [2, 2, 0], [0, 4, 0]])


def test_deviation_is_that_of_numpy():
    values = [71.25, 68.5, 74.0, 70.125]
    results = [
        result
        for seed, top1 in enumerate(values)
        for result in results_of(result_content(run_content(seed=seed), top1=top1), f'{seed}.json')
    ]
    (group,), _ = group_results(results)
    assert group.summary('top1').mean == pytest.approx(np.mean(values))
    assert group.summary('top1').deviation == pytest.approx(np.std(values, ddof=1))
    (group,), _ = group_results(results[:1])
    assert group.summary('top1').deviation is None
    assert group.summary('top1').text(2) == '71.25'
    assert group.summary('map') is None


def test_of_a_repeated_seed_the_newest_counts():
    early, late = '2026-01-01T00:00:00+00:00', '2026-02-01T00:00:00+00:00'
    contents = {
        'a.json': result_content(top1=99.0, finished=late),
        'b.json': result_content(top1=11.0, finished=early),
    }
    for files in (['a.json', 'b.json'], ['b.json', 'a.json']):
        results = [result for file in files for result in results_of(contents[file], file)]
        (group,), (note,) = group_results(results)
        assert group.summary('top1').mean == 99
        assert 'seed 0 of HaLP BiGRU joint, linear, was measured more than once' in note
        assert 'a.json counts, being the newest; b.json does not' in note


def test_seeds_are_in_numerical_order():
    results = [
        result
        for seed in (10, 2, 0)
        for result in results_of(result_content(run_content(seed=seed)), f'{seed}.json')
    ]
    (group,), _ = group_results(results)
    assert group.seeds == '3 (0, 2, 10)'


def test_more_seeds_win_over_a_newer_result():
    early, late = '2026-01-01T00:00:00+00:00', '2026-02-01T00:00:00+00:00'
    other = {'type': 'LinearProtocol', 'epochs': 80}
    contents = [
        result_content(finished=early),
        result_content(run_content(seed=1), finished=early),
        result_content(finished=late, settings=other),
    ]
    for order in (contents, contents[::-1]):
        groups, _ = group_results(
            r for i, content in enumerate(order) for r in results_of(content, f'{i}.json')
        )
        assert len(groups) == 2
        assert best_supported(groups).seeds == '2 (0, 1)'
    groups, _ = group_results(r for i in (0, 2) for r in results_of(contents[i], f'{i}.json'))
    assert best_supported(groups).results[0].finished == late, 'the newest of as many seeds'


def test_seeds_of_different_settings_are_never_one_row():
    """Not even where only the hash of their settings tells, or only that of their data."""
    data = run_content()['data'] | {'file_sha256': 'e' * 64}
    for changes in ({'config_sha256': 'b' * 64}, {'data': data}, {'epochs': 100}, {'processes': 2}):
        contents = [
            result_content(top1=70.0),
            result_content(run_content(seed=1, **changes), top1=50.0),
        ]
        groups, _ = group_results(
            r for i, content in enumerate(contents) for r in results_of(content, f'{i}.json')
        )
        assert sorted(group.summary('top1').text(1) for group in groups) == ['50.0', '70.0']


def test_checkpoints_that_say_nothing_of_their_run_are_kept_apart():
    unknown = run_content(config_sha256=None, seed=None)
    contents = [
        result_content(unknown, top1=top1, checkpoint_sha256=digit * 64)
        for top1, digit in ((70.0, '1'), (50.0, '2'))
    ]
    groups, notes = group_results(
        r for i, content in enumerate(contents) for r in results_of(content, f'{i}.json')
    )
    assert sorted(group.summary('top1').text(1) for group in groups) == ['50.0', '70.0']
    assert [group.seeds for group in groups] == ['', '']
    assert notes == []


def test_what_is_kept_apart():
    contents = [
        result_content(),
        result_content(run_content(seed=1)),
        result_content(checkpoint=None),
        result_content(protocol='knn'),
        result_content(run_content('MoCo')),
        result_content(settings={'type': 'LinearProtocol', 'epochs': 80, 'seed': 0}),
        result_content(dataset='pku2', protocol='transfer', target='pku2.py'),
    ]
    results = [r for i, content in enumerate(contents) for r in results_of(content, f'{i}.json')]
    groups, notes = group_results(results)
    assert notes == []
    assert sorted(len(group.results) for group in groups) == [1, 1, 1, 1, 1, 2]
    names = [group.setting.name for group in groups]
    assert 'HaLP BiGRU joint (untrained)' in names
    assert 'HaLP BiGRU joint (from ntu60 xsub)' in names
    linear = {'dataset': 'ntu60', 'split': 'xsub', 'protocol': 'linear', 'method': 'HaLP'}
    fitting = [group for group in groups if group.setting.fits(linear)]
    assert len(fitting) == 2, 'neither the untrained nor the transferred'
    assert best_supported(fitting).seeds == '2 (0, 1)'
    assert best_supported([]) is None


def test_several_streams_and_parts_of_the_labels():
    metrics = {'top1': 3.0, 'top5': 4.0, 'joint/top1': 1.0, 'bone/top1': 2.0, 'num_test': 6}
    results = results_of(
        result_content(run_content(streams=('bone', 'joint')), metrics=metrics), 'streams.json'
    )
    found = {result.setting.stream: result.metrics['top1'] for result in results}
    assert found == {'joint+bone': 3.0, 'joint': 1.0, 'bone': 2.0}
    assert [result.confusion is None for result in results] == [False, True, True]

    metrics = {'top1': 1.0, 'top5': 2.0, '0.01/top1': 1.0, '0.01/top1_std': 0.5, '0.1/top1': 9.0}
    results = results_of(result_content(metrics=metrics, protocol='semi'), 'semi.json')
    found = {result.setting.label_fraction: result.metrics for result in results}
    assert found == {'0.01': {'top1': 1.0, 'top1_std': 0.5}, '0.1': {'top1': 9.0}}
    assert results[1].setting.protocol_name == 'semi, 10 % of the labels'


def test_few_clips_of_each_class():
    metrics = {'top1': 1.0, '20_shot/top1': 9.0, '5_shot/top1': 1.0, '5_shot/top1_std': 0.5}
    results = results_of(result_content(metrics=metrics, protocol='few_shot'), 'few_shot.json')
    found = {result.setting.protocol_name: result.metrics for result in results}
    assert found == {
        'few_shot, 5 labelled clips a class': {'top1': 1.0, 'top1_std': 0.5},
        'few_shot, 20 labelled clips a class': {'top1': 9.0},
    }
    assert {result.setting.stream for result in results} == {'joint'}


def test_fused_results():
    (result,) = results_of(fused_content(('motion', 'joint', 'bone')), 'fused.json')
    assert result.setting.name == 'AimCLR STGCN joint+bone+motion'
    assert (result.seed, result.metrics['top1']) == ('0', 70.0)
    (same,) = results_of(fused_content(), 'other.json')
    assert same.setting == result.setting, 'whatever the order of the files'
    content = fused_content(protocol='LinearProtocol')
    content['fused'][1]['run']['seed'] = 5
    (result,) = results_of(content, 'fused.json')
    assert (result.setting.protocol, result.seed) == ('linear', '0+5')
    content = fused_content(('joint', 'joint'))
    assert results_of(content, 'fused.json')[0].setting.stream == 'fusion of 2'
    content['fused'][0]['run']['method'] = 'HaLP'
    with pytest.raises(ValueError, match='it fuses runs of different methods or data'):
        results_of(content, 'fused.json')
    with pytest.raises(ValueError, match="a file in fused: it has no 'run'"):
        results_of(fused_content(fused=[{'file': 'a.npz', 'weight': 1}]), 'fused.json')


BAD = {
    'flat': ({'metrics': None}, 'metrics is null; expected an object'),
    'seed': ({'seed': None}, 'seed is null; expected a whole number'),
    'metric': ({'metrics': {'top1': 'high'}}, 'top1 is "high"; expected a number'),
    'per_cent': ({'metrics': {'top1': 150.0}}, 'top1 is 150.0; expected 0 to 100 per cent'),
    'no_top1': ({'metrics': {'map': 1.0}}, r"metrics has no top1, only \['map'\]"),
    'confusion': ({'confusion': [[1, 2], [3, 4]]}, r'confusion has 2 rows .* \[3, 3\]'),
    'negative': ({'confusion': [[-1, 0, 0], [0] * 3, [0] * 3]}, 'not of counts'),
    'class': ({'classes': ['sit']}, 'classes holds "sit"; expected objects'),
    'warnings': ({'warnings': [1]}, 'warnings is .1.; expected a list of texts'),
    'checkpoint': ({'checkpoint': 3}, 'checkpoint is 3; expected a text'),
    'run': ({'run': {}}, "run: it has no 'method'"),
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
        for i, method in enumerate(('MoCo', 'HaLP'))
        for result in results_of(result_content(run_content(method)), f'{i}')
    )
    assert [group.setting.method for group in groups] == ['HaLP', 'MoCo']
    assert all(isinstance(group.setting, Setting) for group in groups)
