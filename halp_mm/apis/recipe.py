"""The recipe: settings of a training that follow from its data, each with its reason.

What does not depend on the data is in ``configs/_base_/methods/METHOD_small.py``: the method, its
views and optimiser, and a schedule of epochs, of which only the proportions count here. A method is
known here as soon as it has such a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from halp_mm.apis.data_facts import DataFacts
from halp_mm.apis.training_settings import is_stuck
from halp_mm.component_building import accepted_arguments, find_component
from halp_mm.models.pretrainers.head_term import build_head
from halp_mm.registry import MODELS, TRANSFORMS

#: Optimiser steps of a training, by the type of the encoder; of several, the fewest.
STEPS = {'BiGRU': 1500, 'STGCN': 1500, 'AGCN': 1500, 'LSTM': 600, 'DGCNN': 400}
OTHER_STEPS = 800
#: People are seen from one side if the mean of their shoulder lines, at most 1, is as long as this;
MIN_ONE_SIDE = 0.8
#: they mostly face one way if it is as long as this...
MIN_FACING = 0.6
#: ...and training and test clips are seen from one side up to this angle between the means.
MAX_TURN = 10
#: Data of up to this many numbers, 1 GB, are read without workers.
MAX_NUMBERS_WITHOUT_WORKERS = 2**28
MAX_BATCH = 64
#: On a core, a step of a graph encoder takes a fifth of a second with as few as this.
MAX_BATCH_OF_GRAPHS = 32
GRAPH_ENCODERS = ('STGCN', 'AGCN')


@dataclass(frozen=True)
class Choice:
    """A setting and why it is chosen.

    Args:
        what: What is chosen, in a word or two.
        settings: New values by dotted key of the config.
        reason: Why, in one line.
    """

    what: str
    settings: Mapping[str, Any]
    reason: str

    def __str__(self) -> str:
        return f'{self.what}: {self.reason}'


def choose_settings(facts: DataFacts, base: Config) -> list[Choice]:
    """Choose the settings of a method for data.

    Args:
        facts: Facts of the data.
        base: The method's small config, as loaded.

    Raises:
        ValueError: if there are fewer clips than a method without labels can learn from.
    """
    if facts.num_clips < 4:
        raise ValueError(
            f'{facts.data_file}: {facts.train_split} has {facts.num_clips} clips; clips are '
            'contrasted with each other, which takes 4 or more'
        )
    batch_size = choose_batch_size(facts, base)
    return [
        *data_choices(facts),
        Choice(
            'batch',
            {'train_dataloader.batch_size': batch_size},
            f'{batch_size} clips, {facts.num_clips // batch_size} steps an epoch',
        ),
        *encoder_choices(facts, base),
        *distance_choices(facts, base),
        *normalization_choices(facts, base),
        *crop_choices(facts, base),
        *schedule_choices(facts, base, batch_size),
        *queue_choices(facts, base, batch_size),
    ]


def choose_batch_size(facts: DataFacts, base: Config) -> int:
    """The base's batch, or 64, or 32 for graphs; of fewer clips the largest power of 2 in them."""
    largest = base.get('train_dataloader', {}).get('batch_size', MAX_BATCH)
    if any(one.type in GRAPH_ENCODERS for one in encoders_of(base).values()):
        largest = min(largest, MAX_BATCH_OF_GRAPHS)
    return min(largest, 1 << (facts.num_clips.bit_length() - 1))


def data_choices(facts: DataFacts) -> Iterator[Choice]:
    """Files, splits, people and workers."""
    dataset = 'train_dataloader.dataset'
    settings: dict[str, Any] = {
        f'{dataset}.data_file': facts.data_file,
        f'{dataset}.split': facts.train_split,
    }
    if facts.test_split is None:
        settings['test_dataset'] = None
        reason = 'no labelled test clips: nothing is evaluated'
    else:
        settings |= {
            'test_dataset.data_file': facts.data_file,
            'test_dataset.split': facts.test_split,
        }
        reason = f'trained on {facts.train_split}, evaluated on {facts.test_split}'
    yield Choice('splits', settings, reason)
    places = [dataset] if facts.test_split is None else [dataset, 'test_dataset']
    more = facts.clips_with_more
    yield Choice(
        'people',
        {f'{place}.num_people': facts.num_people for place in places},
        f'{facts.num_people} a clip; '
        + (f'more in {more} clips, who are left out' if more else 'no clip has more'),
    )
    if facts.num_numbers <= MAX_NUMBERS_WITHOUT_WORKERS:
        loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)
        reason = 'none; the clips fit in memory, where workers would only get in the way'
    else:
        loader = dict(num_workers=4, persistent_workers=True, pin_memory=True)
        reason = '4, which read the clips from the disk'
    yield Choice(
        'workers', {f'train_dataloader.{key}': value for key, value in loader.items()}, reason
    )


def encoders_of(base: Config) -> dict[str, dict]:
    """The configs of the encoders by their dotted key; of one within another the inner one."""
    encoder = base.model.encoder
    outer = {'model.encoder': encoder}
    if 'type' not in encoder:
        outer = {f'model.encoder.{name}': one for name, one in encoder.items() if one}
    found = {}
    for place, one in outer.items():
        while 'encoder' in one:
            place, one = f'{place}.encoder', one['encoder']
        found[place] = one
    return found


def encoder_choices(facts: DataFacts, base: Config) -> Iterator[Choice]:
    """Layout, people and channels of every encoder, and the classes of a classifier."""
    settings: dict[str, Any] = {}
    for place, encoder in encoders_of(base).items():
        settings |= {f'{place}.{key}': value for key, value in encoder.items()}
        takes = accepted_arguments(find_component(encoder.type, [MODELS])) or ()
        if facts.layout is not None and 'layout' in takes:
            settings[f'{place}.layout'] = facts.layout
        if 'num_people' in takes:
            settings[f'{place}.num_people'] = facts.num_people
        if 'num_channels' in takes and facts.num_channels != 3:
            settings[f'{place}.num_channels'] = facts.num_channels
    layout = facts.layout or "the file's own layout"
    yield Choice('encoder', settings, f'{layout}, {facts.num_channels} numbers a joint')
    if 'num_classes' in base.model:
        yield Choice(
            'classes',
            {'model.num_classes': facts.num_classes},
            f'{facts.num_classes}, as many as the file has',
        )


def distance_choices(facts: DataFacts, base: Config) -> Iterator[Choice]:
    """Whether to read distances between joints as well, which are the same from every side.

    Of encoders whose base says that they do not.
    """
    places = [place for place, encoder in encoders_of(base).items() if 'distances' in encoder]
    if not places:
        return
    read, why = needs_turning(facts)
    if facts.num_people > 1:
        read, why = False, 'with several people they cost accuracy where it was tried'
    elif not read and facts.facing is not None and facts.facing < MIN_ONE_SIDE:
        line = f'mean shoulder line {facts.facing:.2f} of 1'
        read, why = True, f'people are seen from more than one side ({line})'
    settings = {f'{place}.distances': read for place in places}
    yield Choice('distances', settings, f'{"read as well" if read else "not read"}; {why}')


def normalization_choices(facts: DataFacts, base: Config) -> Iterator[Choice]:
    """Centring, scale, and whether bodies are turned to the sensor."""
    key = 'data_preprocessor.normalization'
    family, *others = base.data_preprocessor.normalization
    turns, why = needs_turning(facts)
    if others or family.type not in ('PreNormalize3D', 'RelativeNormalize3D'):
        own = [one.to_dict() for one in (family, *others)]
        reason = f"{', '.join(one['type'] for one in own)}, the method's own"
        classes = [find_component(one['type'], [TRANSFORMS]) for one in own]
        turns = turns and not any(getattr(one, 'turns_people', False) for one in classes)
        if turns and facts.has_spine:
            own.insert(0, dict(type='PreNormalize3D', turn='median', center='clip'))
            reason = f'each clip turned by its median pose, then {reason}; {why}'
        yield Choice('normalisation', {key: own}, reason)
        return
    if facts.dimensions == 2:
        yield Choice(
            'normalisation',
            {key: [dict(type='PreNormalize2D')]},
            'poses in an image: centred on the trunk, divided by its length',
        )
        return
    if family.type == 'PreNormalize3D' and facts.has_spine and facts.has_shoulders:
        turn = 'median' if turns else None
        one = dict(type='PreNormalize3D', turn=turn)
        turned = 'each clip turned by its median pose' if turns else 'nothing is turned'
        if facts.num_people == 1:
            one['center'] = 'clip'
            turned = f'one centre a clip, which tells where people go; {turned}'
        else:
            turned = f'the first person is the centre of each frame; {turned}'
    elif facts.has_shoulders:
        frames = family.get('num_frames', 32)
        one = dict(type='RelativeNormalize3D', num_frames=frames, align_shoulders=turns)
        turned = 'each frame turned by the shoulders' if turns else 'nothing is turned'
    else:
        yield Choice('normalisation', {key: []}, 'none; the layout names no shoulders to go by')
        return
    yield Choice('normalisation', {key: [one]}, f'{turned}; {why}')


def needs_turning(facts: DataFacts) -> tuple[bool, str]:
    """Whether to turn bodies to the sensor, and why."""
    if facts.facing is None:
        return False, 'it cannot be seen where people face'
    if facts.facing < MIN_FACING:
        return True, f'people face every way (mean shoulder line {facts.facing:.2f} of 1)'
    if facts.turn > MAX_TURN:
        return True, f'test clips are seen from another side, by {facts.turn} degrees'
    return False, f'people mostly face one way (mean shoulder line {facts.facing:.2f} of 1)'


def crop_choices(facts: DataFacts, base: Config) -> Iterator[Choice]:
    """Shorter crops for clips that are shorter than the base expects."""
    views = base.data_preprocessor.to_dict()['views']
    crops = [
        transform
        for view in views.values()
        if view
        for transform in (view if isinstance(view, list) else view['transforms'])
        if transform['type'] == 'TemporalCropResize'
    ]
    if not crops:
        return
    expected = crops[0]['min_frames']
    shortest = min(expected, max(2, facts.num_frames // 3))
    for crop in crops:
        crop['min_frames'] = min(crop['min_frames'], shortest)
    yield Choice(
        'crops',
        {'data_preprocessor.views': views} if shortest < expected else {},
        f'{shortest} frames or more; the median clip has {facts.num_frames}',
    )


def schedule_choices(facts: DataFacts, base: Config, batch_size: int) -> Iterator[Choice]:
    """Epochs from a number of steps, and all that is counted in epochs in proportion."""
    steps = min(STEPS.get(one.type, OTHER_STEPS) for one in encoders_of(base).values())
    steps_an_epoch = facts.num_clips // batch_size
    epochs = max(1, round(steps / steps_an_epoch))
    scale = epochs / base.train_cfg.max_epochs

    def scaled(epoch: int) -> int:
        return epoch and max(1, round(epoch * scale))

    schedulers = [scheduler.to_dict() for scheduler in base.param_scheduler]
    for scheduler in schedulers:
        for key in {'milestones', 'T_max', 'begin', 'end'} & set(scheduler):
            value = scheduler[key]
            is_list = isinstance(value, list)
            scheduler[key] = [*dict.fromkeys(map(scaled, value))] if is_list else scaled(value)
        if is_stuck(scheduler):
            scheduler['convert_to_iter_based'] = True
        if scheduler['type'] == 'CosineAnnealingLR':  # what begins late has less time
            scheduler['T_max'] = max(1, epochs - scheduler.get('begin', 0))
    settings = {'train_cfg.max_epochs': epochs, 'param_scheduler': schedulers}
    heads = {name: head for name, head in base.model.get('heads', {}).items() if head}
    for name, head in heads.items():
        if head.get('warmup_epochs'):
            settings[f'model.heads.{name}.warmup_epochs'] = scaled(head['warmup_epochs'])
    for hook, times in (('checkpoint', 10), ('evaluation', 5)):
        settings[f'default_hooks.{hook}.interval'] = max(1, epochs // times)
    yield Choice(
        'steps', settings, f'about {steps:,}, whatever the number of clips: {epochs} epochs'
    )
    stages = {
        f'model.heads.{name}.{key}': scaled(head[key])
        for name, head in heads.items()
        for key in ('start_epoch', 'end_epoch')
        if head.get(key)
    }
    if stages:
        named = ', '.join(
            f'{key.split(".")[2]} {key.split(".")[3].split("_")[0]}s at {epoch}'
            for key, epoch in stages.items()
        )
        yield Choice('stages', stages, f'in proportion to the epochs: {named}')


def queue_choices(facts: DataFacts, base: Config, batch_size: int) -> Iterator[Choice]:
    """The queue, and what heads take of it."""
    heads = {name: head for name, head in base.model.get('heads', {}).items() if head}
    streams = base.model.get('streams', ['joint'])
    if not any(build_head(name, head, streams)[1].reads.queues for name, head in heads.items()):
        return
    # Older views of the same clip would be pushed away as if they were another's.
    queue_size = max(batch_size, 1 << (facts.num_clips.bit_length() - 1))
    queue_size = min(queue_size, base.model.queue_size)
    yield Choice(
        'queue',
        {'model.queue_size': queue_size},
        f'{queue_size} keys of {facts.num_clips} clips: with more, many would be of one clip',
    )
    for name, head in heads.items():
        if head['type'] == 'HaLPHead':
            newest = min(256, queue_size)
            prototypes = max(4, min(20, newest // 12))
            yield Choice(
                'K and N of HaLP',
                {
                    f'model.heads.{name}.num_newest': newest,
                    f'model.heads.{name}.num_prototypes': prototypes,
                },
                f'the newest {newest} keys in {prototypes} clusters, a dozen or more in each',
            )
        if head['type'] == 'NNMHead' and 'top_k' in head:
            top_k = max(1, min(head['top_k'], queue_size // 16))
            yield Choice(
                'k of NNM',
                {f'model.heads.{name}.top_k': top_k},
                f'the {top_k} nearest keys, at most a sixteenth of the queue',
            )
        if head['type'] == 'CMDHead':
            yield Choice(
                'K of CMD',
                {f'model.heads.{name}.top_k': queue_size // 2},
                f'{queue_size // 2}, half of the queue',
            )
