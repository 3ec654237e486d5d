"""The layout of an encoder that names none: that of the data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping

from mmengine.config import Config
from safetensors import SafetensorError, safe_open

from halp_mm.component_building import accepted_arguments, find_component
from halp_mm.datasets.opening import data_files
from halp_mm.registry import MODELS, TRANSFORMS
from halp_mm.skeletons import LAYOUTS, SkeletonLayout, get_layout
from halp_mm.transforms import ConvertLayout


def fill_layouts(config: Config) -> None:
    """Give the encoders of a config that name no layout that of the training clips.

    It is the one in the data file, or the last that the normalisation converts clips to. Without
    a data file nothing is filled in. From there on the config says what its encoders are built for.

    Args:
        config: A config, which is changed.

    Raises:
        ValueError: if the data set or the normalisation names a layout that there is not.
    """
    open_places = [encoder for encoder in _encoders(config) if _lacks_layout(encoder)]
    layout = _layout_of_clips(config) if open_places else None
    if layout is None:
        return
    is_known = LAYOUTS.get(layout.name) == layout
    for encoder in open_places:
        encoder['layout'] = layout.name if is_known else layout.to_dict()


def _encoders(config: Mapping) -> list[dict]:
    encoder = (config.get('model') or {}).get('encoder') or {}
    return [part for part in (encoder, *encoder.values()) if isinstance(part, dict)]


def _lacks_layout(encoder: Mapping) -> bool:
    """Whether this is the config of an encoder that has a layout, which it does not name."""
    component = find_component(encoder.get('type'), [MODELS])
    if component is None or encoder.get('layout') is not None:
        return False
    return 'layout' in (accepted_arguments(component) or ())


def _layout_of_clips(config: Mapping) -> SkeletonLayout | None:
    normalization = (config.get('data_preprocessor') or {}).get('normalization')
    converted = list(_conversions(normalization))
    if converted:
        return get_layout(converted[-1])
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    if dataset.get('layout') is not None:
        return get_layout(dataset['layout'])
    files = data_files(dataset.get('data_file') or '')
    return _stored_layout(files[0]) if files else None


def _conversions(transforms: object) -> Iterator[object]:
    """The layouts that transforms convert to, in their order."""
    if isinstance(transforms, (list, tuple)):
        for transform in transforms:
            yield from _conversions(transform)
    elif isinstance(transforms, Mapping):
        if find_component(transforms.get('type'), [TRANSFORMS]) is ConvertLayout:
            yield transforms.get('layout')
        yield from _conversions(transforms.get('transforms'))


def _stored_layout(path: object) -> SkeletonLayout | None:
    """The layout in the header of a data file; None if there is none, as opening it will say."""
    if not isinstance(path, (str, os.PathLike)) or not os.path.isfile(path):
        return None
    try:
        with safe_open(path, framework='np') as file:
            return get_layout(json.loads((file.metadata() or {})['layout']))
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError):
        return None
