"""Draw an encoder's features of test clips by t-SNE, and measure how well they cluster by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from halp_mm.apis import draw_features, load_config
from halp_mm.commands.command_line import Command, Option, UsageError


def run(
    config: str,
    classes: Sequence[str] | None = None,
    untrained: bool = False,
    seed: int | None = None,
    cfg_options: Mapping | None = None,
    *,
    out: str,
    **settings,
) -> str:
    """Draw the picture.

    Args:
        config: The config that the encoder was trained with.
        classes: How many classes to draw at random, or their names; by default ten at random.
        untrained: Draw the encoder as it is before training.
        seed: The random seed; by default the config's.
        cfg_options: New values by dotted key, such as ``{'randomness.seed': 1}``.
        out: The .png file to write.
        **settings: See :func:`draw_features`.

    Returns:
        A summary of the picture.
    """
    if (settings['checkpoint'] is None) != untrained:
        raise UsageError('give either a checkpoint or --untrained')
    wanted: int | Sequence[str] | None = classes
    if classes and len(classes) == 1 and classes[0].isdecimal():
        wanted = int(classes[0])
    loaded = load_config(config, cfg_options, seed)
    summary = draw_features(loaded, picture=out, classes=wanted, **settings)
    return f'{summary}\nwritten: {out}'


main = Command(
    'plot_tsne.py',
    __doc__,
    run,
    settings_of=draw_features,
    omit=('picture',),
    options={
        'checkpoint': Option(help='Its checkpoint.'),
        'classes': Option(metavar='CLASS'),
        'stream': Option(metavar='NAME'),
        'out': Option(metavar='PICTURE'),
    },
).main
