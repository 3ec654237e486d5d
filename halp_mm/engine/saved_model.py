"""Models in one file: weights, and all that inference needs to know besides them.

The file is a checkpoint, read with ``weights_only=True``. Its ``state_dict`` has the tensors, and
``meta/inference`` the :class:`ModelDescription` in plain containers. The checkpoints of a training
have a description as well, beside the state of the optimiser and more. Building a model from a
file runs no code of the file: encoders and transforms are those of the registries, by bare names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch import Tensor, nn

from halp_mm.argument_checks import check_count
from halp_mm.atomic_write import atomic_write
from halp_mm.component_building import accepted_arguments
from halp_mm.datasets import SkeletonDataset
from halp_mm.datasets.known_clips import KnownClips
from halp_mm.engine.checkpoint import load_checkpoint_file
from halp_mm.engine.checkpoint_file import seal_checkpoint_file
from halp_mm.engine.safetensors_checkpoint import SUFFIX, write_safetensors_checkpoint
from halp_mm.engine.weights import describe_misfit, encoder_prefixes, state_of
from halp_mm.evaluation.finetune import new_classifier
from halp_mm.models import Encoder, InferenceModel, SkeletonPreprocessor
from halp_mm.models.pretrainers.pretrainer_parts import encoder_of
from halp_mm.plain_config import check_plain_config, plain_config
from halp_mm.registry import MODELS, TRANSFORMS
from halp_mm.skeletons import check_stream
from halp_mm.transforms import BatchTransform
from halp_mm.version import __version__

#: The key of the description in a checkpoint's ``meta``.
INFERENCE = 'inference'
#: The format of the description.
FORMAT = 'halp_mm model 1'


@dataclass(frozen=True)
class ModelDescription:
    """What inference needs to know of a model besides its weights.

    Args:
        streams: The preprocessor's stream that each encoder sees, by stream.
        encoders: The config of each stream's encoder.
        normalization: Configs of the transforms of raw clips.
        evaluation_view: Configs of the transforms of normalised clips.
        clips: What is known about the training clips.
        classes: The names of the classes that classifiers tell apart; none without classifiers.
        origin: How the model came about, for information: plain containers.
        hidden_dim: Units of the classifiers' hidden layer; None for linear classifiers.
    """

    streams: dict[str, str]
    encoders: dict[str, dict]
    normalization: list
    evaluation_view: list
    clips: KnownClips
    classes: list[str] = field(default_factory=list)
    origin: dict = field(default_factory=dict)
    hidden_dim: int | None = None

    def to_dict(self) -> dict:
        """Convert to plain containers; the inverse of :meth:`from_dict`."""
        return {'format': FORMAT, **vars(self), 'clips': self.clips.to_dict()}

    @classmethod
    def from_dict(cls, entries: object) -> ModelDescription:
        """Check and read what :meth:`to_dict` wrote; nothing is built.

        Raises:
            ValueError: if it is not as expected; the message says where.
        """
        if not isinstance(entries, Mapping) or entries.get('format') != FORMAT:
            found = entries.get('format') if isinstance(entries, Mapping) else entries
            raise ValueError(f'its format is {found!r}; expected {FORMAT!r}')
        names = {'format', *cls.__dataclass_fields__}
        if set(entries) != names:
            different = sorted(map(str, set(entries) ^ names))
            raise ValueError(f'the entries {different} are missing or unknown')
        for name in ('streams', 'encoders', 'clips', 'origin'):
            if not isinstance(entries[name], Mapping):
                raise ValueError(f'{name} is {entries[name]!r}; expected a dict')
        for name in ('normalization', 'evaluation_view', 'classes'):
            if not isinstance(entries[name], list):
                raise ValueError(f'{name} is {entries[name]!r}; expected a list')
        _check_networks(entries['streams'], entries['encoders'])
        for name in ('normalization', 'evaluation_view'):
            _check_transforms(entries[name], name)
        classes = entries['classes']
        if len(set(map(str, classes))) < len(classes) or not all(map(_is_text, classes)):
            raise ValueError('classes are not different names')
        if entries['hidden_dim'] is not None:
            check_count(hidden_dim=entries['hidden_dim'])
        facts = {key: entries[key] for key in entries if key not in ('format', 'clips')}
        return cls(clips=KnownClips.from_dict(entries['clips']), **facts)

    def build(self) -> InferenceModel:
        """Build the model with weights of no meaning, in evaluation mode.

        Raises:
            ValueError: if a component refuses its settings.
        """
        encoders = {stream: MODELS.build(dict(config)) for stream, config in self.encoders.items()}
        preprocessor = SkeletonPreprocessor(
            self.normalization,
            evaluation_view=self.evaluation_view,
            streams=list(dict.fromkeys(self.streams.values())),
        )
        classifiers = {}
        if self.classes:
            classifiers = {
                stream: new_classifier(encoder.feature_dim, self.hidden_dim, len(self.classes))
                for stream, encoder in encoders.items()
            }
        return InferenceModel(encoders, self.streams, preprocessor, classifiers).eval()


class SavedModel(NamedTuple):
    """A model and its description."""

    model: InferenceModel
    description: ModelDescription


def describe_model(
    config: Config,
    model: InferenceModel,
    dataset: SkeletonDataset,
    classes: list[str] | None = None,
    origin: Mapping | None = None,
    converts: bool = False,
) -> ModelDescription:
    """Describe a model that was built of a config.

    Args:
        config: The config, with ``model`` and ``data_preprocessor``.
        model: The model.
        dataset: Its training clips; those of its classifiers, if these are of another data set.
        classes: The names of the classes that its classifiers tell apart.
        origin: How it came about.
        converts: Whether clips are converted to the encoders' layout before the config's
            normalisation, as those of another data set.

    Raises:
        ValueError: if the config cannot be written in plain containers.
    """
    settings = config.to_dict()
    preprocessor = settings.get('data_preprocessor') or {}
    if type(model.data_preprocessor) is not SkeletonPreprocessor:
        raise ValueError(
            f'data_preprocessor is a {type(model.data_preprocessor).__name__}; expected a '
            'SkeletonPreprocessor, which a file can describe'
        )
    encoders = {}
    for stream, encoder in model.encoders.items():
        encoders[stream] = plain_config(encoder_of(stream, settings['model']['encoder']), MODELS)
        if 'layout' in (accepted_arguments(type(encoder)) or ()):
            # It may have come from the data file, and a name may mean another layout some day.
            encoders[stream]['layout'] = encoder.layout.to_dict()
    normalization = list(preprocessor.get('normalization') or [])
    if converts:
        layout = next(iter(model.encoders.values())).layout
        normalization.insert(0, {'type': 'ConvertLayout', 'layout': layout.to_dict()})
    return ModelDescription(
        dict(model.sources),
        encoders,
        plain_config(normalization, TRANSFORMS),
        plain_config(list(preprocessor.get('evaluation_view') or []), TRANSFORMS),
        KnownClips.of(dataset),
        list(classes or []),
        {'halp_mm': __version__, **(origin or {})},
        hidden_dim_of(model),
    )


def hidden_dim_of(model: InferenceModel) -> int | None:
    """Units of the hidden layer of a model's classifiers; None for linear ones or none."""
    sizes = {
        classifier[0].out_features if isinstance(classifier, nn.Sequential) else None
        for classifier in model.classifiers.values()
    }
    return sizes.pop() if sizes else None


def save_model(
    path: str | os.PathLike, model: InferenceModel, description: ModelDescription
) -> None:
    """Write a model to one file, completely or not at all, sealed by a checksum.

    Args:
        path: The file, usually called ``.pth``; ``.safetensors`` makes it a safetensors file,
            with the description as JSON in its header.
        model: The model.
        description: Its description.

    Raises:
        OSError: if the file cannot be written.
        ValueError: if weights are NaN or infinite, or the description does not fit the model.
    """
    entries = description.to_dict()
    state = {key: value.cpu() for key, value in model.state_dict().items()}
    _check_fit(ModelDescription.from_dict(entries), state)  # what is written can be read
    _check_finite(state, path)
    checkpoint = {'meta': {INFERENCE: entries}, 'state_dict': state}
    with atomic_write(path) as partial:
        if partial.suffix == SUFFIX:
            write_safetensors_checkpoint(checkpoint, partial)
        else:
            with partial.open('wb') as file:  # given a name, PyTorch would write it into the file
                torch.save(checkpoint, file)
            seal_checkpoint_file(partial)


def load_model(path: str | os.PathLike) -> SavedModel:
    """Read a model from a saved model, or from the checkpoint of a training.

    Args:
        path: The file, or an address that begins with ``http://`` or ``https://``.

    Returns:
        The model on the CPU, in evaluation mode, and its description. Of a pre-training's
        checkpoint it has the encoders that compute features, and no classifiers.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, does not describe its model, or the weights do not fit.
    """
    checkpoint = load_checkpoint_file(os.fspath(path))
    meta = checkpoint.get('meta')
    if not isinstance(meta, Mapping) or INFERENCE not in meta:
        raise ValueError(
            f'{path} does not describe its model: it was made by an older version, or converted. '
            'Use it with its config: SkeletonInferencer(CONFIG, CHECKPOINT), or save a model of it '
            'by tools/test.py CONFIG CHECKPOINT --protocol linear --save MODEL'
        )
    try:
        description = ModelDescription.from_dict(meta[INFERENCE])
        state = _state_of_model(description, checkpoint, path)
        _check_fit(description, state)
        model = description.build()
    except (ValueError, TypeError, KeyError, RuntimeError, RecursionError) as error:
        raise ValueError(f'{path} holds no model that can be built: {error}') from error
    _check_finite(state, path)
    model.load_state_dict(state)
    return SavedModel(model, description)


def _state_of_model(
    description: ModelDescription, checkpoint: Mapping, path: str | os.PathLike
) -> dict[str, Tensor]:
    """The tensors of encoders and classifiers, named as in an :class:`InferenceModel`."""
    tensors = state_of(checkpoint, path)
    prefixes = encoder_prefixes(checkpoint, tensors)
    missing = sorted(description.streams.keys() - prefixes)
    if missing:
        raise ValueError(f'it has no encoder of the stream {missing[0]!r}')
    parts = ['encoder', 'classifier'] if description.classes else ['encoder']
    state = {}
    for stream in description.streams:
        for part in parts:
            prefix = f'{prefixes[stream].removesuffix("encoder.")}{part}.'
            state |= {
                f'networks.{stream}.{part}.{key.removeprefix(prefix)}': value
                for key, value in tensors.items()
                if key.startswith(prefix)
            }
    return state


def _check_fit(description: ModelDescription, state: Mapping[str, Tensor]) -> None:
    """Raise a ValueError if weights are not those of the model that is described."""
    try:
        with torch.device('meta'):  # whatever sizes a file asks for, no memory is taken
            model = description.build()
    except NotImplementedError:  # an encoder that looks at its weights while it is built
        model = description.build()
    misfit = describe_misfit(model, state)
    if misfit:
        raise ValueError(f'its weights are of another model than it describes: {misfit}')


def _check_networks(streams: Mapping, encoders: Mapping) -> None:
    if not streams or set(streams) != set(encoders):
        raise ValueError(f'streams are {list(streams)}, and encoders are of {list(encoders)}')
    for stream, source in streams.items():
        if not _is_text(stream) or '.' in stream or not _is_text(source):
            raise ValueError(f'the stream {stream!r} of source {source!r} has no name')
        check_stream(source, f'streams.{stream}')
        check_plain_config(encoders[stream], MODELS, Encoder, f'encoders.{stream}')


def _check_transforms(transforms: list, where: str) -> None:
    for number, transform in enumerate(transforms):
        if isinstance(transform, list):
            _check_transforms(transform, f'{where}.{number}')
        else:
            check_plain_config(transform, TRANSFORMS, BatchTransform, f'{where}.{number}')


def _check_finite(state: Mapping[str, Tensor], path: str | os.PathLike) -> None:
    bad = [
        key
        for key, value in state.items()
        if value.is_floating_point() and not value.isfinite().all()
    ]
    if bad:
        raise ValueError(
            f'{path}: {bad[0]} has entries that are NaN or infinite; the training has diverged. '
            'Use an earlier checkpoint'
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ''
