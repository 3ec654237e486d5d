"""The page's tables, pictures and formats."""

import base64
import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pytest

from halp_mm.reporting import group_results, published_tables, write_report
from halp_mm.reporting.pictures import confusions, most_confused
from halp_mm.reporting.rendering import markdown_text
from halp_mm.reporting.results import results_of
from halp_mm.reporting.tables import (
    measured_tables,
    published_table,
    published_tables_with_ours,
)
from halp_mm.visualization import plot_curves, plot_features
from tests.reports import fused_content, result_content, run_content, write_result


class Reader(HTMLParser):
    """Tags with their attributes, and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ('meta', 'link', 'img'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def groups_of(*contents):
    return group_results(
        result for i, content in enumerate(contents) for result in results_of(content, f'{i}.json')
    )[0]


def published(source: str):
    return next(table for table in published_tables() if table.source.endswith(source))


def cell(table, method: str, column: str) -> str:
    """Our own number of a method."""
    place = table.columns.index((column, 'here'))
    (row,) = (row for row in table.rows if row[0] == method and len(row) > 1)
    return row[place]


def own_numbers(table) -> list[str]:
    places = [i for i, (_, name) in enumerate(table.columns) if name == 'here']
    return [row[i] for row in table.rows if len(row) > 1 for i in places if row[i]]


def test_own_numbers_stand_beside_the_papers():
    groups = groups_of(
        result_content(top1=70.0),
        result_content(run_content(seed=1), top1=80.0),
        result_content(run_content('MoCo'), top1=61.26),
        result_content(run_content('MoCo'), top1=99.0, checkpoint=None),
        result_content(protocol='knn', top1=44.0),
        fused_content(),
    )
    table = published_table(published('HaLP (CVPR 2023), Table 1'), groups)
    assert cell(table, 'HaLP (BiGRU, joint)', 'NTU-60 x-sub') == '75.0 ± 7.1 (n = 2)'
    assert cell(table, 'Baseline (MoCo) (BiGRU, joint)', 'NTU-60 x-sub') == '61.3'
    assert len(own_numbers(table)) == 2, 'what nobody measured stays empty'
    knn = published_table(published('HaLP (CVPR 2023), Table 2'), groups)
    assert own_numbers(knn) == ['44.0']
    for number in (2, 4):
        table = published_table(published(f'AimCLR (AAAI 2022), Table {number}'), groups)
        method = '3s-AimCLR (ST-GCN, joint, bone, motion)'
        assert cell(table, method, 'NTU-60 x-sub') == '70.0'
        assert own_numbers(table) == ['70.0']
    table = published_table(published('AimCLR (AAAI 2022), Table 3'), groups)
    assert cell(table, '3s-AimCLR (ST-GCN, joint, bone, motion)', '300 epochs') == '70.0'
    assert own_numbers(table) == ['70.0']


def test_tables_without_a_number_of_ours_are_left_out():
    ours = groups_of(result_content(run_content('AimCLR', 'STGCN', epochs=100)))
    assert published_tables_with_ours(published_tables(), ours) == []
    ours = groups_of(result_content(run_content('AimCLR', 'STGCN', ('joint',))))
    tables = published_tables_with_ours(published_tables(), ours)
    assert [table.caption.partition(':')[0] for table in tables] == [
        *('HaLP (CVPR 2023), Table 1', 'AimCLR (AAAI 2022), Table 2'),
        'AimCLR (AAAI 2022), Table 4',
    ]


def test_epochs_find_their_column():
    streams = ('joint', 'motion', 'bone')
    runs = [run_content('AimCLR', 'STGCN', streams, epochs=epochs) for epochs in (100, 300)]
    groups = groups_of(result_content(runs[0], top1=31.0), result_content(runs[1], top1=33.0))
    table = published_table(published('AimCLR (AAAI 2022), Table 3'), groups)
    method = '3s-AimCLR (ST-GCN, joint, bone, motion)'
    assert [cell(table, method, f'{n} epochs') for n in (100, 200, 300)] == ['31.0', '', '33.0']
    table = published_table(published('AimCLR (AAAI 2022), Table 4'), groups)
    assert own_numbers(table) == ['33.0']


def test_a_run_with_overrides_is_marked():
    changed = run_content(overrides={'model.queue_size': 64}, config_sha256='b' * 64)
    groups = groups_of(result_content(changed, top1=41.0))
    table = published_table(published('HaLP (CVPR 2023), Table 1'), groups)
    assert own_numbers(table) == ['41.0 †']
    assert table.note.startswith('†: trained with overrides of the config')
    groups = groups_of(result_content(changed, top1=41.0), result_content(top1=43.0))
    table = published_table(published('HaLP (CVPR 2023), Table 1'), groups)
    assert own_numbers(table) == ['43.0'], 'one without overrides comes first'
    assert '†' not in table.note


def test_transfer_and_labels_find_their_columns():
    semi = {'top1': 12.0, 'joint/top1': 9.0, '0.01/top1': 12.0, '0.1/top1': 34.0}
    semi |= {
        f'{fraction}/{stream}/top1': 9.0
        for fraction in (0.01, 0.1)
        for stream in ('joint', 'motion', 'bone')
    }
    groups = groups_of(
        result_content(
            run_content('CrosSCLR', 'STGCN', ('joint', 'motion', 'bone')),
            protocol='semi',
            metrics=semi,
        ),
        result_content(dataset='pku2', protocol='transfer', target='pku2.py', top1=51.5),
        result_content(
            run_content('AimCLR', 'STGCN', ('bone',), split='xview_train'),
            train_split='xview_train',
            test_split='xview_test',
            protocol='finetune',
            top1=88.8,
        ),
    )
    transfer = published_table(published('HaLP (CVPR 2023), Table 3'), groups)
    assert cell(transfer, 'HaLP (BiGRU, joint)', 'from NTU-60') == '51.5'
    assert own_numbers(transfer) == ['51.5']
    finetuned = published_table(published('AimCLR (AAAI 2022), Table 8'), groups)
    assert cell(finetuned, 'AimCLR (ST-GCN, bone)', 'NTU-60 x-view') == '88.8'
    assert own_numbers(finetuned) == ['88.8']
    few_labels = published_table(published('AimCLR (AAAI 2022), Table 7'), groups)
    assert own_numbers(few_labels) == ['12.0', '34.0']


def test_measured_tables():
    best = {'top1': 50.0, 'top5': 90.0, 'best_top1': 60.0, 'best_epoch': 7, 'map': 31.0}
    tables = measured_tables(
        groups_of(
            result_content(metrics=best),
            result_content(
                run_content('MoCo', dataset='msr_action3d'), dataset='msr_action3d', top1=61.5
            ),
        )
    )
    assert [table.caption for table in tables] == ['MSR-Action3D x-sub', 'NTU-60 x-sub']
    assert tables[0].rows == [['MoCo BiGRU joint', 'linear', '61.50', '90.00', '1 (0)']]
    named = dict(zip((name for _, name in tables[1].columns), tables[1].rows[0]))
    assert named['Top-1 (%)'] == '50.00', 'the last epoch is the headline'
    assert named['Top-1 of the best epoch (%)'] == '60.00'
    assert named['Best epoch'] == '7'
    assert named['Other metrics'] == 'map 31.00'
    assert 'chosen by the test clips' in tables[1].note


def test_settings_are_shown_where_they_alone_differ():
    other = {'type': 'LinearProtocol', 'epochs': 80}
    (table,) = measured_tables(groups_of(result_content(), result_content(settings=other)))
    place = table.columns.index(('', 'Settings'))
    assert ['"epochs": 5' in row[place] for row in table.rows] == [True, False]


def test_overrides_are_shown_where_they_differ():
    shared = {'train_cfg.max_epochs': 4, 'train_dataloader.dataset.data_file': 'mine'}
    runs = [
        run_content(overrides={**shared, 'model.queue_size': size}, config_sha256=hash_ * 64)
        for size, hash_ in ((64, 'b'), (128, 'c'))
    ]
    (table,) = measured_tables(
        groups_of(*(result_content({**run, 'seed': seed}) for run in runs for seed in (0, 1)))
    )
    place = table.columns.index(('', 'Settings'))
    assert [row[place] for row in table.rows] == ['model.queue_size=64', 'model.queue_size=128']
    assert [row[-1] for row in table.rows] == ['2 (0, 1)'] * 2
    assert table.note.endswith('All have the overrides train_cfg.max_epochs=4.')


def test_config_files_are_named_where_only_their_values_differ():
    other = run_content(config='configs/other.py', config_sha256='b' * 64)
    (table,) = measured_tables(groups_of(result_content(), result_content(other)))
    place = table.columns.index(('', 'Settings'))
    assert [row[place] for row in table.rows] == [
        f'configs/mine.py ({"a" * 12} {"d" * 12})',
        f'configs/other.py ({"b" * 12} {"d" * 12})',
    ]


def test_coordinates_stand_beside_the_untrained_encoder():
    coordinates = run_content('coordinates', streams=(), seed=None, epochs=None)
    metrics = {'top1': 40.0, 'top5': 80.0, 'num_test': 6}
    metrics |= {'knn/top1': 40.0, 'logistic/top1': 45.0}
    content = result_content(coordinates, checkpoint=None, protocol='coordinates', metrics=metrics)
    trained, untrained = (
        result_content(run_content(overrides={'model.queue_size': 64}), protocol='knn', **changes)
        for changes in ({}, {'checkpoint': None, 'top1': 30.0})
    )
    results = [
        result
        for i, content in enumerate((content, content, untrained, trained))
        for result in results_of(content, f'{i}.json')
    ]
    groups, notes = group_results(results)
    assert notes == [], 'the same coordinates by two configs are nothing to speak of'
    (table,) = measured_tables(groups)
    columns = [name for _, name in table.columns]
    rows = [dict(zip(columns, row)) for row in table.rows]
    assert [(row['Method, encoder, stream'], row['Protocol']) for row in rows] == [
        ('HaLP BiGRU joint', 'knn'),
        ('HaLP BiGRU joint (untrained)', 'knn'),
        ('coordinates', 'knn'),
        ('coordinates', 'logistic'),
    ]
    assert [row['Top-1 (%)'] for row in rows[2:]] == ['40.00', '45.00']
    assert [row['Seeds'] for row in rows] == ['1 (0)', '1 (0)', '', '']
    assert 'All have the overrides model.queue_size=64.' in table.note


def test_most_confused():
    rng = np.random.default_rng(0)
    confusion = rng.integers(0, 100, (7, 7))
    classes = [f'class {i}' for i in range(7)]
    wrong = sorted(
        ((confusion[i, j], i, j) for i in range(7) for j in range(7) if i != j),
        key=lambda item: (-item[0], item[1], item[2]),
    )
    expected = ', '.join(
        f'class {i} for class {j} ({n} of {sum(confusion[i])})' for n, i, j in wrong[:5]
    )
    assert most_confused(confusion, classes) == f'Most often mistaken: {expected}.'
    assert most_confused(np.eye(2, dtype=int), classes[:2]) == 'No clip is mistaken.'


def decoded(uri: str) -> bytes:
    return base64.b64decode(uri.partition(',')[2])


def test_confusion_of_120_classes_and_none():
    size = 120
    content = result_content(
        classes=[{'class': f'a rather long name of class {i} $x'} for i in range(size)],
        confusion=np.zeros((size, size), int).tolist(),
    )
    (gallery,) = confusions(groups_of(content))
    assert decoded(gallery.pictures[0].uri).startswith(b'\x89PNG')
    other = result_content(run_content(seed=1), classes=[{'class': n} for n in 'abc'])
    assert confusions(groups_of(result_content(), other)) == [], 'other classes cannot be summed'


@pytest.fixture
def results(tmp_path):
    """Results of two seeds, a run's log and a t-SNE picture among other files."""
    folder = tmp_path / 'results'
    evil = '<script>alert(1)</script>'
    classes = [{'class': name} for name in (evil, '"><img src=x onerror=alert(2)>', 'a|b')]
    write_result(folder / 'a.json', top1=70.0, classes=classes)
    write_result(
        folder / 'b.json', run_content(seed=1), top1=80.0, classes=classes, warnings=[evil]
    )
    (folder / 'bad.json').write_text('{')
    log = folder / 'run' / '20260101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    rows = [
        {'loss': 3.0 / epoch, 'joint/moco/accuracy': 0.5, 'epoch': epoch} for epoch in (1, 2, 3)
    ]
    log.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    plot_curves(folder / 'run', folder / 'curves.png')  # another picture
    points = np.random.default_rng(0).normal(size=(20, 2))
    labels = np.arange(20) % 2
    plot_features(points, labels, ['a', 'b'], f'{evil}\nNMI 0.5', folder / 'tsne.png')
    return folder


def test_html_page(results, tmp_path):
    summary = write_report(results, tmp_path / 'page.html')
    assert (summary.num_files, summary.num_groups, summary.num_pictures) == (2, 1, 4)
    assert len(summary.notes) == 2
    text = (tmp_path / 'page.html').read_text()
    page = Reader(text)
    assert page.open == []
    assert page.of('script') == []
    assert {source['src'].partition(',')[0] for source in page.of('img')} == {
        *('data:image/png;base64', 'data:image/svg+xml;base64'),
    }
    assert not re.search(r'(src|href)="(?!data:|#)', text), 'no other file'
    assert '<script>alert(1)</script>' in page.of('img')[-1]['alt']
    assert [len(page.of(tag)) for tag in ('h1', 'table', 'caption')] == [1, 3, 3]
    assert all('scope' in heading for heading in page.of('th'))
    assert all(image['alt'] for image in page.of('img'))
    assert '75.0 ± 7.1 (n = 2)' in page.texts
    ids = [attributes['id'] for _, attributes in page.tags if 'id' in attributes]
    assert len(ids) == len(set(ids))
    assert [a['href'][1:] for a in page.of('a')] == ids
    curves = decoded(page.of('img')[0]['src'])
    assert ElementTree.fromstring(curves).tag.endswith('svg')
    assert 'loss ends at 1' in page.of('img')[0]['alt']
    assert decoded(page.of('img')[-1]['src']) == (results / 'tsne.png').read_bytes()


@pytest.mark.parametrize('ending', ['html', 'md'])
def test_names_are_escaped_in_tables(tmp_path, ending):
    """Of classes, methods, streams, overrides and protocols."""
    evil = '<script>alert("{}")</script>'
    run = run_content(
        evil.format('method'),
        evil.format('encoder'),
        (evil.format('stream'),),
        dataset=evil.format('source'),
        overrides={'model.x': evil.format('override')},
    )
    classes = [{'class': evil.format(f'class{i}')} for i in range(3)]
    content = {'classes': classes, 'dataset': evil.format('data'), 'protocol': evil.format('knn')}
    write_result(tmp_path / 'a.json', run, **content)
    write_result(tmp_path / 'b.json', **content)
    write_report(tmp_path, tmp_path / f'page.{ending}')
    text = (tmp_path / f'page.{ending}').read_text()
    assert '<script' not in text
    if ending == 'html':
        page = Reader(text)
        assert page.of('script') == []
        for what in ('method', 'encoder', 'stream', 'source', 'override', 'class0', 'data', 'knn'):
            assert evil.format(what) in ''.join(page.texts)


@pytest.mark.parametrize('ending', ['html', 'md'])
def test_the_same_results_give_the_same_page(results, tmp_path, ending):
    pages = [tmp_path / f'{i}.{ending}' for i in (0, 1)]
    for page in pages:
        write_report(results, page)
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_markdown_page(results, tmp_path):
    summary = write_report(results, tmp_path / 'page.md')
    assert summary.num_pictures == 0
    text = (tmp_path / 'page.md').read_text()
    assert '<script' not in text
    line = next(line for line in text.splitlines() if line.startswith('| HaLP (BiGRU'))
    assert [cell.strip() for cell in line.split('|')][1:4] == [
        *('HaLP (BiGRU, joint)', '79.7', '75.0 ± 7.1 (n = 2)'),
    ]
    for block in re.findall(r'(?:^\|.*\n)+', text, re.MULTILINE):
        widths = {len(re.findall(r'(?<!\\)\|', row)) for row in block.splitlines()}
        assert len(widths) == 1


def test_escaped_markdown():
    assert markdown_text('a|b\n<c> *d* [e](f)') == r'a\|b &lt;c&gt; \*d\* \[e\](f)'


def test_damaged_logs_and_pictures_are_left_out(results, tmp_path):
    content = (results / 'tsne.png').read_bytes()
    (results / 'half.png').write_bytes(content[: len(content) // 2])
    log = next(results.rglob('scalars.json'))
    log.write_text(log.read_text() + '{"loss": 1')
    summary = write_report(results, tmp_path / 'page.html')
    text = '\n'.join(summary.notes)
    assert 'half.png: it is truncated or no PNG picture' in text
    assert 'scalars.json, line 4 is' in text
    assert summary.num_pictures == 2


def test_bad_names_and_kept_pages(tmp_path):
    with pytest.raises(ValueError, match=r'page.pdf; expected a name that ends in .html or .md'):
        write_report(tmp_path, tmp_path / 'page.pdf')
    page = tmp_path / 'page.html'
    page.write_text('old')
    with pytest.raises(ValueError, match='there is no result under'):
        write_report(tmp_path, page)
    assert page.read_text() == 'old'
