"""Features that are kept in files, so that another evaluation does not encode again."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import torch
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from mmengine.model import BaseModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

import halp_mm
from halp_mm.atomic_write import atomic_write
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.encoder_digest import encoder_digest
from halp_mm.evaluation.features import extract_features
from halp_mm.partial_files import remove_dead_partial_files
from halp_mm.sha256 import file_sha256, unchanged_file_sha256
from halp_mm.version import __version__

_NAME = re.compile(r'[0-9a-f]{32}\.safetensors')
#: The parts of the package that decide what a clip's features are.
_DECIDING = ('*.py', 'datasets', 'evaluation/features.py', 'models', 'skeletons', 'transforms')


class FeatureCache:
    """A folder with the features of whole data sets, as the evaluation view shows them.

    Features are used again only if nothing that they depend on has changed: the encoders' weights
    and their types, the settings, the content of the data files, the clips of the split and how
    they are read, the code, PyTorch, the device, the number of threads and of clips encoded at a
    time. All that is in the file, whose name is its digest. A file that is damaged is made again.

    Several processes encode together and keep nothing.

    Args:
        folder: The folder; it is made when there is something to keep.
        settings: Settings of the encoders and of the data preprocessor, in plain containers.
        max_gigabytes: Size of the files together beyond which those that have not been used for
            the longest time are removed.
    """

    def __init__(
        self, folder: str | os.PathLike, settings: Mapping, max_gigabytes: float = 4.0
    ) -> None:
        self.folder = Path(folder)
        self.settings = settings
        self.max_gigabytes = max_gigabytes

    def features(
        self, model: BaseModel, dataset: SkeletonDataset, batch_size: int
    ) -> dict[str, Tensor]:
        """What :func:`extract_features` gives, from a file if it is known already."""
        if get_world_size() > 1:
            return extract_features(model, dataset, batch_size)
        key = self.key(model, dataset, batch_size)
        path = self.folder / f'{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors'
        features = self._read(path, key, len(dataset))
        if features is not None:
            device = model.data_preprocessor.device
            return {stream: features[stream].to(device) for stream in model.encoders}
        features = extract_features(model, dataset, batch_size)
        self._write(path, key, {stream: feature.cpu() for stream, feature in features.items()})
        return features

    def key(self, model: BaseModel, dataset: SkeletonDataset, batch_size: int) -> str:
        """All that features depend on, as JSON."""
        device = model.data_preprocessor.device
        on_gpu = torch.device(device).type == 'cuda'
        facts = {
            'encoders': encoder_digest(model),
            'settings': self.settings,
            'clips': facts_of_clips(dataset),
            'batch_size': batch_size,
            'version': __version__,
            'code': {**code_digests(), **digests_of_other_code(model, dataset)},
            'torch': torch.__version__,
            'device': torch.cuda.get_device_name(device) if on_gpu else 'cpu',
            'threads': torch.get_num_threads(),
            'precision': [
                torch.get_float32_matmul_precision(),
                torch.backends.cudnn.allow_tf32,
                torch.are_deterministic_algorithms_enabled(),
            ],
        }
        return json.dumps(facts, sort_keys=True, default=str)

    def _read(self, path: Path, key: str, num_clips: int) -> dict[str, Tensor] | None:
        """The features in a file; None if there is none, or a damaged one."""
        if not path.is_file():
            return None
        try:
            with safe_open(path, 'pt') as file:
                metadata, streams = file.metadata() or {}, file.keys()
                # Copies begin at addresses like those of new tensors, on which rounding depends.
                features = {stream: file.get_tensor(stream).clone() for stream in streams}
            if metadata.get('key') != key:
                raise ValueError('it is of something else')
            if metadata.get('sha256') != _digest(features):
                raise ValueError('its content has changed')
            os.utime(path)  # so that it counts as used
        except (OSError, SafetensorError, ValueError) as error:
            _say(f'{path} cannot be used ({error}): the clips are encoded again')
            return None
        _say(f'features of {num_clips} clips are those in {path}')
        return features

    def _write(self, path: Path, key: str, features: dict[str, Tensor]) -> None:
        """Keep features, if there is room; what fails costs no more than the next encoding."""
        num_bytes = sum(feature.nbytes for feature in features.values())
        if num_bytes > self.max_gigabytes * 1e9:
            return
        features = {stream: feature.contiguous() for stream, feature in features.items()}
        try:
            with atomic_write(path) as partial:
                save_file(features, partial, {'key': key, 'sha256': _digest(features)})
            remove_dead_partial_files(self.folder)
            self._make_room()
        except (OSError, SafetensorError) as error:
            _say(f'features are not kept for other evaluations: {error}')

    def _make_room(self) -> None:
        """Remove files from the one that was used least recently on, down to the allowed size."""
        kept = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        left = self.max_gigabytes * 1e9
        for path in sorted(kept, key=lambda path: path.stat().st_mtime_ns, reverse=True):
            left -= path.stat().st_size
            if left < 0:
                path.unlink(missing_ok=True)


def facts_of_clips(dataset: SkeletonDataset) -> dict:
    """What identifies clips and the way in which they are read, in plain containers."""
    digest = hashlib.sha256(dataset.positions.numpy().data)
    for place in {0, len(dataset) - 1}:  # as the data set gives them, in whatever precision
        digest.update(dataset[place]['clip'].cpu().contiguous().numpy().data)
    return {
        'files': [unchanged_file_sha256(path) for path in dataset.data_files],
        'clips': digest.hexdigest(),
        'num_clips': len(dataset),
        'num_people': dataset.num_people,
        'layout': dataset.layout.to_dict(),
        'normalized': dataset[0]['normalized'],
    }


@cache
def code_digests() -> dict[str, str]:
    """Digests of the source files of this package that decide what features are, by part."""
    package = Path(halp_mm.__file__).parent
    digests = {}
    for part in _DECIDING:
        paths = package.glob(part if part.endswith('.py') else f'{part}/**/*.py')
        digest = hashlib.sha256()
        for path in sorted(paths):
            digest.update(path.read_bytes())
        digests[part] = digest.hexdigest()
    return digests


def digests_of_other_code(model: BaseModel, dataset: SkeletonDataset) -> dict[str, str]:
    """Digests of the files that define components which are not this package's or PyTorch's.

    A component without a file, as one of a notebook, gets a mark that no other process knows.
    """
    found = {}
    for kind in set(map(type, components_of(model, dataset))):
        if kind.__module__.partition('.')[0] in ('halp_mm', 'torch', 'mmengine', 'builtins'):
            continue
        try:
            found[kind.__qualname__] = file_sha256(inspect.getfile(kind))
        except (OSError, TypeError):
            found[kind.__qualname__] = f'{os.getpid()} {id(kind)}'
    return found


def components_of(model: BaseModel, dataset: SkeletonDataset) -> Iterator[object]:
    """The parts that a clip goes through, from the data set to the features."""
    yield from (model, dataset, model.data_preprocessor)
    for encoder in model.encoders.values():
        yield from encoder.modules()
    preprocessor = model.data_preprocessor
    left = [preprocessor.normalization, preprocessor.evaluation_view]
    while left:
        transform = left.pop()
        yield transform
        left += getattr(transform, 'transforms', ())


def _digest(features: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for stream, feature in sorted(features.items()):
        digest.update(f'{stream} {feature.dtype} {list(feature.shape)}'.encode())
        digest.update(feature.contiguous().numpy().data)
    return digest.hexdigest()


def _say(text: str) -> None:
    print_log(text, 'current')
