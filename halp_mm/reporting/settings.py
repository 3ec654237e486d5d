"""What a result is a result of: method, encoder, data and protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from halp_mm.run_identity import COORDINATES

_STREAMS = ('joint', 'bone', 'motion')


@dataclass(frozen=True, order=True)
class Setting:
    """All runs of one setting differ by their seed only.

    Args:
        dataset: The name of the test clips' data set, such as ``'ntu60'``.
        split: How it is split, such as ``'xsub'``.
        protocol: Such as ``'knn'`` or ``'linear'``.
        label_fraction: The part of the labels that a semi-supervised evaluation used, or nothing.
        method: Such as ``'HaLP'``, or ``'coordinates'`` where no encoder was asked.
        encoder: Such as ``'BiGRU'``.
        stream: Such as ``'joint'``; several as ``'joint+bone+motion'``.
        epochs: How many the encoder was trained for, or nothing.
        pretrained_on: Data set and split of the encoder's training, if they are others.
        untrained: Whether the encoder was evaluated as it is before training.
        details: The protocol's settings but the seed, as JSON.
        run: What tells runs of the same method, encoder, streams and data apart: the hashes of
            their settings and of their training file, and several processes. Of a checkpoint
            that does not say which run made it, its own hash.
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
        """What was evaluated, for headings."""
        words = [self.method, self.encoder, self.stream]
        if self.pretrained_on:
            words.append(f'(from {self.pretrained_on})')
        if self.untrained and self.method != COORDINATES:
            words.append('(untrained)')
        return ' '.join(word for word in words if word)

    @property
    def protocol_name(self) -> str:
        """The protocol with the part of the labels."""
        if not self.label_fraction:
            return self.protocol
        return f'{self.protocol}, {100 * float(self.label_fraction):g} % of the labels'

    def fits(self, wanted: Mapping[str, str]) -> bool:
        """Whether it is a trained encoder's and has these fields.

        Methods are compared by their letters and digits: ``'HaLP + CMD'`` is ``'halp_cmd'``. No
        part of the labels, and no other data to learn from, unless they are named.
        """
        fields = {'label_fraction': '', 'pretrained_on': '', **wanted}
        return not self.untrained and all(
            letters(getattr(self, field)) == letters(value) for field, value in fields.items()
        )


def letters(text: str) -> str:
    """A name by its letters and digits, however it is spelt."""
    return ''.join(letter for letter in text.casefold() if letter.isalnum() or letter == '.')


def joined_streams(streams: list[str]) -> str:
    """Streams as one name, in an order of their own."""
    order = {stream: place for place, stream in enumerate(_STREAMS)}
    return '+'.join(sorted(set(streams), key=lambda stream: (order.get(stream, 9), stream)))


def protocol_name(protocol: str) -> str:
    """``'linear'`` for ``'linear'`` as for ``'LinearProtocol'``."""
    return protocol.removesuffix('Protocol').lower() if protocol.endswith('Protocol') else protocol


def split_name(split: str) -> str:
    """``'xsub'`` for ``'xsub_train'`` as for ``'xsub_test'``."""
    return re.sub(r'_(train|test|val)$', '', split)


def details_of(settings: Mapping) -> str:
    """A protocol's settings but the seed, always in the same order."""
    return json.dumps({key: settings[key] for key in sorted(settings) if key != 'seed'})
