"""Prepare a model for others: weights alone, a hash in the file's name, and a card."""

from __future__ import annotations

from halp_mm.apis.publish import publish_model
from halp_mm.commands.command_line import Command, Option


def run(checkpoint: str, *, name: str, data_licence: str, **settings) -> str:
    """Publish, and say what was written.

    Args:
        checkpoint: A saved model, a checkpoint of a training, or a work directory.
        name: The beginning of the files' names.
        data_licence: What the licence of the training data allows, for the card.
        **settings: See :func:`publish_model`.

    Returns:
        The files.
    """
    published = publish_model(checkpoint, name, data_licence, **settings)
    return f'model {published.model}, {published.num_bytes / 1e6:.1f} MB\ncard  {published.card}'


main = Command(
    'publish_model.py',
    __doc__,
    run,
    settings_of=publish_model,
    options={
        'checkpoint': Option(metavar='CHECKPOINT'),
        'name': Option(metavar='NAME'),
        'data_licence': Option(metavar='TEXT'),
        'out_dir': Option(metavar='DIR'),
        'results': Option(metavar='FILE'),
        'about': Option(metavar='TEXT'),
    },
).main
