"""Load the weights of a checkpoint into a model, which they must fit exactly."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from mmengine.logging import print_log
from mmengine.model.weight_init import PretrainedInit
from torch import Tensor, nn

from halp_mm.engine.checkpoint import load_checkpoint_file
from halp_mm.engine.finite import find_not_finite

#: The key of the run's facts in a checkpoint's ``meta``; see :mod:`halp_mm.engine.run_facts`.
RUN = 'run'

_OF_AN_ENCODER = re.compile(r'networks\.\w+\.encoder\.')  # in a saved model


def load_weights(model: nn.Module, filename: str | os.PathLike) -> None:
    """Load a checkpoint's weights into a model that they must fit exactly.

    Of a published model that has nothing but encoders, such as one that comes with the package,
    only the model's encoders are loaded, which it must fit exactly.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, or was made with another model or of another stream.
    """
    checkpoint = load_checkpoint_file(os.fspath(filename))
    if all(map(_OF_AN_ENCODER.match, state_of(checkpoint, filename))):
        load_encoders(model, os.fspath(filename))
    else:
        load_state(model, checkpoint, filename)


def load_state(model: nn.Module, checkpoint: Mapping, filename: str | os.PathLike) -> None:
    """Load the weights of a checkpoint that was read already into a model.

    Raises:
        ValueError: if the weights were made with another model or of another stream.
    """
    state = state_of(checkpoint, filename)
    check_fit(model, state, filename)
    _check_streams(model, checkpoint, filename)
    model.load_state_dict(state)


def state_of(checkpoint: Mapping, filename: str | os.PathLike) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name; they may also be its whole content.

    Raises:
        ValueError: if anything but tensors is among them, or entries are NaN or infinite.
    """
    state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, Mapping) or not state:
        raise ValueError(f'{filename} holds no weights')
    others = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise ValueError(
            f'{filename} holds no weights: {others[0]!r} is a {type(state[others[0]]).__name__}, '
            'expected tensors by name'
        )
    state = {str(key).removeprefix('module.'): value for key, value in state.items()}
    name = find_not_finite(state)
    if name is not None:
        raise ValueError(
            f'{filename} is of no use: {name} has entries that are NaN or infinite. Use an earlier '
            'checkpoint'
        )
    return state


def check_fit(module: nn.Module, state: Mapping[str, Tensor], filename: str | os.PathLike) -> None:
    """Raise a ValueError that lists the differences if weights do not fit a module."""
    differences = describe_misfit(module, state)
    if differences:
        raise ValueError(
            f'{filename} was made with another model than this config: {differences}. Use the '
            'config that it was trained with. To take over nothing but a pre-trained encoder, set '
            'load_encoder_from in the config'
        )


def describe_misfit(module: nn.Module, state: Mapping[str, Tensor]) -> str | None:
    """List how weights differ from a module in names and shapes; None if they fit."""
    own = module.state_dict()
    missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    reshaped = [
        f'{key} is {list(state[key].shape)}, expected {list(own[key].shape)}'
        for key in sorted(own.keys() & state.keys())
        if state[key].shape != own[key].shape
    ]
    problems = [
        *(f'{key} is missing' for key in missing),
        *(f'{key} is not in the model' for key in unexpected),
        *reshaped,
    ]
    more = f'; and {len(problems) - 4} more' if len(problems) > 4 else ''
    return f'{"; ".join(problems[:4])}{more}' or None


def load_encoders(model: nn.Module, settings: str | Mapping) -> list[str]:
    """Start a model's encoders with those of a pre-trained model or classifier.

    Args:
        model: The model; its other weights are not changed.
        settings: The checkpoint, or ``dict(checkpoint=..., stream=...)``. All streams of the model
            then get the encoder of ``stream``; by default each stream gets the encoder of the
            stream with its name.

    Returns:
        One line about each loaded encoder.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the checkpoint lacks the encoder, or it does not fit.
    """
    settings = {'checkpoint': settings} if isinstance(settings, str) else dict(settings)
    filename, asked = settings.pop('checkpoint', None), settings.pop('stream', None)
    if settings or not filename:
        raise ValueError(
            'load_encoder_from takes a file, or dict(checkpoint=FILE, stream=NAME); found '
            f'{settings or "no checkpoint"}'
        )
    checkpoint = load_checkpoint_file(filename)
    state = state_of(checkpoint, filename)
    prefixes = encoder_prefixes(checkpoint, state)
    report = []
    for stream, encoder in model.encoders.items():
        source = asked or stream
        if source not in prefixes:
            raise ValueError(
                f'{filename} has no encoder of the stream {source!r}; it has those of '
                f'{sorted(prefixes) or "none"}. To take another one set '
                'load_encoder_from=dict(checkpoint=FILE, stream=NAME)'
            )
        prefix = prefixes[source]
        part = {
            key.removeprefix(prefix): value
            for key, value in state.items()
            if key.startswith(prefix)
        }
        check_fit(encoder, part, filename)
        for module in (encoder, *_copies(model, stream)):
            module.load_state_dict(part)
        report.append(
            f'the encoder of the stream {stream!r} starts with {len(part)} tensors of '
            f'{prefix}* in {filename}; nothing else is taken from there'
        )
    return report


def _copies(model: nn.Module, stream: str) -> list[nn.Module]:
    """All encoders of a stream, such as the key network's, which starts as a copy."""
    return [module for name, module in model.named_modules() if name.endswith(f'.{stream}.encoder')]


def encoder_prefixes(checkpoint: Mapping, state: Mapping[str, Tensor]) -> dict[str, str]:
    """The prefix of the names of each stream's encoder, such as ``'encoder.'``.

    Args:
        checkpoint: A pre-trainer's, a classifier's or a saved model's.
        state: Its tensors by name, see :func:`state_of`.
    """
    prefixes = {}
    streams = list(_streams(checkpoint))
    for key in state:
        before, found, _ = key.partition('encoder.')
        if not found or before.startswith('key_') or (before and not before.endswith('.')):
            continue
        if before:
            prefixes[before.split('.')[-2]] = before + found
        elif len(streams) == 1:
            prefixes[streams[0]] = found
        else:  # a classifier's checkpoint that does not say of which stream it is
            prefixes.setdefault('joint', found)
    return prefixes


def _streams(checkpoint: Mapping) -> dict[str, str]:
    meta = checkpoint.get('meta')
    run = meta.get(RUN) if isinstance(meta, Mapping) else None
    streams = run.get('streams') if isinstance(run, Mapping) else None
    return dict(streams) if isinstance(streams, Mapping) else {}


def _check_streams(model: nn.Module, checkpoint: Mapping, filename: str | os.PathLike) -> None:
    """Raise a ValueError if a checkpoint was made with other streams than a model's."""
    expected, found = dict(getattr(model, 'sources', {})), _streams(checkpoint)
    if expected and found and expected != found:
        raise ValueError(
            f'{filename} was trained on {_listed(found)}, but the model of this config sees '
            f'{_listed(expected)}. Use the config that it was trained with'
        )


def _listed(streams: Mapping[str, str]) -> str:
    return 'the stream ' + ', '.join(dict.fromkeys(map(repr, streams.values())))


def load_pretrained_part(self: PretrainedInit, module: nn.Module) -> None:
    """Load weights for ``init_cfg=dict(type='Pretrained', ...)``, which must fit exactly.

    mmengine's own version continues with random weights when nothing fits.

    Raises:
        ValueError: if the checkpoint has nothing under the prefix, or it does not fit.
    """
    state = state_of(load_checkpoint_file(self.checkpoint, self.map_location), self.checkpoint)
    where = self.checkpoint
    if self.prefix is not None:
        prefix = self.prefix.removesuffix('.') + '.'
        where = f'{self.checkpoint} ({prefix}*)'
        state = {
            key.removeprefix(prefix): value
            for key, value in state.items()
            if key.startswith(prefix)
        }
        if not state:
            raise ValueError(f'{self.checkpoint} has no weights whose names begin with {prefix!r}')
    check_fit(module, state, where)
    module.load_state_dict(state)
    print_log(
        f'{type(module).__name__} starts with {len(state)} tensors of {where}', logger='current'
    )


PretrainedInit.__call__ = load_pretrained_part
