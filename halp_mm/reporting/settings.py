"""What a result is a result of: method, encoder, data and protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_STREAMS = ('joint', 'bone', 'motion')


@dataclass(frozen=True, order=True)
class Setting:
    """All runs of one setting differ by their seed only.

    Args:
        dataset: The name of the test clips' data set, such as ``'ntu60'``.
        split: How it is split, such as ``'xsub'``.
        protocol: Such as ``'knn'`` or ``'linear'``.
        label_fraction: The part of the labels that a semi-supervised evaluation used, or nothing.
        method: The config's folder, such as ``'halp'``.
        encoder: Such as ``'bigru'``.
        stream: Such as ``'joint'``; several as ``'joint+bone+motion'``.
        variant: What the config's name has more, such as ``'100e'``.
        pretrained_on: Data set and split of the encoder's config, if they are others.
        untrained: Whether the encoder was evaluated as it is before training.
        details: The protocol's settings but the seed, as JSON.
    """

    dataset: str
    split: str
    protocol: str
    label_fraction: str
    method: str
    encoder: str
    stream: str
    variant: str
    pretrained_on: str
    untrained: bool
    details: str

    @property
    def name(self) -> str:
        """What was evaluated, for headings."""
        words = [self.method, self.encoder, self.stream, self.variant]
        if self.pretrained_on:
            words.append(f'(from {self.pretrained_on})')
        if self.untrained:
            words.append('(untrained)')
        return ' '.join(word for word in words if word)

    @property
    def protocol_name(self) -> str:
        """The protocol with the part of the labels."""
        if not self.label_fraction:
            return self.protocol
        return f'{self.protocol}, {100 * float(self.label_fraction):g} % of the labels'

    def fits(self, wanted: Mapping[str, str]) -> bool:
        """Whether it is a trained encoder's and has these fields; what is not named is empty."""
        fields = {'label_fraction': '', 'variant': '', 'pretrained_on': '', **wanted}
        return not self.untrained and all(
            getattr(self, field) == value for field, value in fields.items()
        )


@dataclass(frozen=True)
class ConfigName:
    """What a config's path says: ``configs/METHOD/ENCODER_DATASET_SPLIT[_STREAM][_VARIANT].py``."""

    method: str
    encoder: str = ''
    dataset: str = ''
    split: str = ''
    stream: str = ''
    variant: str = ''


def read_config_name(path: str) -> ConfigName:
    """Take a config's path apart.

    A config in a folder below its method's, such as ``configs/aimclr/ablation/``, is that method's.
    Of a name of another form, all is the method.
    """
    parts = PurePosixPath(path.replace('\\', '/')).parts
    stem = parts[-1].removesuffix('.py')
    folders = parts[:-1]
    if 'configs' in folders:
        folders = folders[len(folders) - folders[::-1].index('configs') :]
    else:
        folders = folders[-1:]
    words = stem.split('_')
    if len(words) < 3 or not folders:
        return ConfigName('/'.join((*folders, stem)))
    encoder, dataset, split, *more = words
    stream = more.pop(0) if more and more[0] in _STREAMS else 'joint'
    return ConfigName(folders[0], encoder, dataset, split, stream, '_'.join(more))


def joined_streams(streams: list[str]) -> str:
    """Streams as one name, in an order of their own."""
    order = {stream: place for place, stream in enumerate(_STREAMS)}
    return '+'.join(sorted(set(streams), key=lambda stream: (order.get(stream, 9), stream)))


def protocol_name(protocol: str) -> str:
    """``'linear'`` for ``'linear'`` as for ``'LinearProtocol'``."""
    return protocol.removesuffix('Protocol').lower() if protocol.endswith('Protocol') else protocol


def split_name(test_split: str) -> str:
    """``'xsub'`` for ``'xsub_test'``."""
    return re.sub(r'_(test|val)$', '', test_split)


def details_of(settings: Mapping) -> str:
    """A protocol's settings but the seed, always in the same order."""
    return json.dumps({key: settings[key] for key in sorted(settings) if key != 'seed'})
