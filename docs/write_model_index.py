"""Write the index of the configs in OpenMMLab's form, from the configs and the metrics below.

``model-index.yml`` lists ``configs/METHOD/metafile.yml`` of every method. Run this after adding a
config: ``python docs/write_model_index.py``.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / 'configs'

ENCODERS = {
    'agcn': 'AGCN',
    'bigru': 'BiGRU',
    'dgcnn': 'DGCNN',
    'gru': 'GRU',
    'dste': 'DSTE',
    'gltransformer': 'GL-Transformer',
    'hcn': 'HCN',
    'lstm': 'LSTM',
    'sebirenet': 'SeBiReNet',
    'stgcn': 'ST-GCN',
    'transformer': 'transformer',
}
DATASETS = {
    'improvised': 'improvised synthetic clips',
    'msr-action3d': 'MSR-Action3D',
    'msrc12': 'MSRC-12',
    'ntu60': 'NTU RGB+D 60',
    'ntu120': 'NTU RGB+D 120',
    'nw-ucla': 'NW-UCLA',
    'pku1': 'PKU-MMD I',
    'pku2': 'PKU-MMD II',
    'synthetic': 'synthetic',
    'utd-mhad': 'UTD-MHAD',
}

#: Mean top-1 accuracies over seeds 0 to 4, per cent, by kNN and by a linear classifier, of the
#: configs as they are. They stand in docs/benchmarks.md, with the commands that repeat them.
METRICS = {
    'halp/bigru_msr-action3d_xsub': (85.6, 88.1),
    'halp/bigru_nw-ucla_xsub': (76.8, 78.3),
    'halp/bigru_utd-mhad_xsub': (95.5, 97.2),
    'moco/bigru_msr-action3d_xsub': (83.7, 87.3),
    'moco/bigru_nw-ucla_xsub': (76.7, 78.3),
    'moco/bigru_utd-mhad_xsub': (95.1, 96.9),
}


def methods() -> list[Path]:
    """The folders of all methods, sorted."""
    return sorted(readme.parent for readme in CONFIGS.glob('*/README.md'))


def metafile(folder: Path) -> dict:
    """The content of a method's metafile."""
    readme = (folder / 'README.md').read_text(encoding='utf-8')
    name = re.match(r'# (.+)\n', readme)[1]
    collection = {'Name': name, 'README': (folder / 'README.md').relative_to(ROOT).as_posix()}
    if title := re.search(r'^  title += \{(.+)\},$', readme, re.MULTILINE):
        year = re.search(r'^  year += \{(\d+)\}', readme, re.MULTILINE)[1]
        collection['Paper'] = {'Title': re.sub(r'[{}]', '', title[1]), 'Year': int(year)}
    configs = sorted(path for path in folder.rglob('*.py'))
    return {'Collections': [collection], 'Models': [model(name, path) for path in configs]}


def model(collection: str, path: Path) -> dict:
    """The entry of a config, whose name says its encoders, its data set and its split."""
    place = path.relative_to(CONFIGS).with_suffix('')
    encoders, dataset, split, *_ = place.name.split('_')
    data = f'{DATASETS.get(dataset, dataset)} {split}'
    entry = {
        'Name': '_'.join(place.parts),
        'In Collection': collection,
        'Config': path.relative_to(ROOT).as_posix(),
        'Metadata': {
            'Architecture': [ENCODERS.get(encoder, encoder) for encoder in encoders.split('-')],
            'Training Data': data,
        },
    }
    if metrics := METRICS.get(place.as_posix()):
        names = ('kNN Top 1 Accuracy', 'Linear Top 1 Accuracy')
        entry['Results'] = [
            {
                'Task': 'Skeleton-based Action Recognition',
                'Dataset': data,
                'Metrics': dict(zip(names, metrics)),
            }
        ]
    return entry


def files() -> dict[Path, str]:
    """All files of the index, with their texts."""
    contents = {folder / 'metafile.yml': metafile(folder) for folder in methods()}
    names = [path.relative_to(ROOT).as_posix() for path in contents]
    contents[ROOT / 'model-index.yml'] = {'Import': names}
    return {
        path: yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
        for path, content in contents.items()
    }


if __name__ == '__main__':
    for path, text in files().items():
        path.write_text(text, encoding='utf-8')
