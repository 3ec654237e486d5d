"""The setting of a result: method, encoder, data and protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from halp_mm.run_identity import COORDINATES

#: How the name of a metric's part ends where a number of labels of each class is used.
SHOT = '_shot'

_STREAMS = ('joint', 'bone', 'motion')


@dataclass(frozen=True, order=True)
class Setting:
    """The setting of a result. Runs of one setting differ only by their seed.

    Args:
        dataset: The name of the test clips' data set, such as ``'ntu60'``.
        split: How it is split, such as ``'xsub'``.
        protocol: Such as ``'knn'`` or ``'linear'``.
        label_fraction: The fraction of labels of a semi-supervised evaluation, or such as
            ``'5_shot'`` where so many labels of each class are used, or nothing.
        method: Such as ``'HaLP'``, or ``'coordinates'`` where no encoder was used.
        encoder: Such as ``'BiGRU'``.
        stream: Such as ``'joint'``; several as ``'joint+bone+motion'``.
        epochs: The number of epochs of the encoder's training, or nothing.
        pretrained_on: Data set and split of the encoder's training, if they differ.
        untrained: Whether the encoder was evaluated before training.
        details: The protocol's settings except the seed, as JSON.
        run: The difference between runs of the same method, encoder, streams and data: the hashes
            of their settings and of their training file, and the number of processes if there are
            several. For a checkpoint without an identity, its own hash.
    """

    dataset: str
    split: str
    protocol: str
    label_fraction: str
    method: str
    encoder: str
    stream: str
    epochs: str
    pretrained_on: str
    untrained: bool
    details: str
    run: str

    @property
    def name(self) -> str:
        """The method, encoder and stream, for headings."""
        words = [self.method, self.encoder, self.stream]
        if self.pretrained_on:
            words.append(f'(from {self.pretrained_on})')
        if self.untrained and self.method != COORDINATES:
            words.append('(untrained)')
        return ' '.join(word for word in words if word)

    @property
    def protocol_name(self) -> str:
        """The protocol with the fraction of labels."""
        if not self.label_fraction:
            return self.protocol
        if self.label_fraction.endswith(SHOT):
            number = self.label_fraction.removesuffix(SHOT)
            return (
                f'{self.protocol}, {number} labelled {"clip" if number == "1" else "clips"} a class'
            )
        return f'{self.protocol}, {100 * float(self.label_fraction):g} % of the labels'

    def fits(self, wanted: Mapping[str, str]) -> bool:
        """Whether it is the setting of a trained encoder with these fields.

        Methods are compared by their letters and digits: ``'HaLP + CMD'`` is ``'halp_cmd'``. If
        they are not among the fields, ``label_fraction`` and ``pretrained_on`` must be empty.
        """
        fields = {'label_fraction': '', 'pretrained_on': '', **wanted}
        return not self.untrained and all(
            letters(getattr(self, field)) == letters(value) for field, value in fields.items()
        )


def letters(text: str) -> str:
    """The letters and digits of a name, to compare different spellings."""
    return ''.join(letter for letter in text.casefold() if letter.isalnum() or letter == '.')


def joined_streams(streams: list[str]) -> str:
    """Streams as one name, in a fixed order."""
    order = {stream: place for place, stream in enumerate(_STREAMS)}
    return '+'.join(sorted(set(streams), key=lambda stream: (order.get(stream, 9), stream)))


def protocol_name(protocol: str) -> str:
    """``'linear'`` for ``'linear'`` as for ``'LinearProtocol'``."""
    return protocol.removesuffix('Protocol').lower() if protocol.endswith('Protocol') else protocol


def split_name(split: str) -> str:
    """``'xsub'`` for ``'xsub_train'`` as for ``'xsub_test'``."""
    return re.sub(r'_(train|test|val)$', '', split)


def details_of(settings: Mapping) -> str:
    """A protocol's settings except the seed, always in the same order."""
    return json.dumps({key: settings[key] for key in sorted(settings) if key != 'seed'})
