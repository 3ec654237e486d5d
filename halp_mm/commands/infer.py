"""Recognise clips, or the actions of long recordings over time, with a checkpoint alone."""

from __future__ import annotations

from collections.abc import Sequence

from halp_mm.apis import SkeletonInferencer
from halp_mm.apis.clip_collections import open_clips
from halp_mm.apis.file_answers import (
    answer_files,
    answers_table,
    check_answers_path,
    write_answers,
)
from halp_mm.commands.command_line import Command, Option, UsageError
from halp_mm.skeletons import SkeletonLayout, read_layout


def run(
    checkpoint: str,
    clips: Sequence[str],
    gallery: str | None = None,
    k: int = 1,
    layout: str | SkeletonLayout | None = None,
    split: str | None = None,
    out: str | None = None,
    window: float | None = None,
    stride: float | None = None,
    frame_rate: float | None = None,
    picture: str | None = None,
) -> str:
    """Recognise, and describe the answers.

    Args:
        checkpoint: A saved model, or a checkpoint of a training with a gallery.
        clips: Files of clips, folders with a file a clip, or data files.
        gallery: The .safetensors file of clips to compare with, which extract_features.py makes.
        k: The number of neighbours that vote, with a gallery and without a classifier.
        layout: The joint layout of the clips, a name or a .json file; by default that of the
            training clips.
        split: The split of the data files; by default all clips.
        out: Write all class scores to this .csv file.
        window: Take clips for recordings, and answer windows of this length: frames, or seconds
            with --frame-rate.
        stride: The distance between windows; by default half a window.
        frame_rate: Frames a second of the recordings.
        picture: Draw the actions of a single recording over time to this .png file.

    Returns:
        A table.
    """
    if window is None:
        if (stride, frame_rate, picture) != (None, None, None):
            raise UsageError('--stride, --frame-rate and --picture go with --window')
    elif out is not None:
        raise UsageError('--out goes without --window')
    if out is not None:
        check_answers_path(out)
    inferencer = SkeletonInferencer.from_checkpoint(checkpoint, gallery, k=k)
    if window is None:
        answers = answer_files(inferencer, clips, layout, split)
        if out is not None:
            write_answers(answers, inferencer.classes, out)
        return answers_table(answers) + (f'\nwritten: {out}' if out else '')
    found = [open_clips(source, inferencer.layout, layout, split=split) for source in clips]
    recordings = [
        (part, name, clip) for part in found for name, clip in zip(part.names, part.clips)
    ]
    if picture is not None and len(recordings) > 1:
        raise UsageError(f'--picture shows a single recording; found {len(recordings)}')
    lines = []
    for part, name, clip in recordings:
        stride = window / 2 if stride is None else stride
        timeline = inferencer.recognize_recording(clip, window, stride, frame_rate, part.layout)
        lines += [*([name] if len(recordings) > 1 else []), str(timeline)]
        if picture is not None:
            timeline.draw(picture, name)
            lines.append(f'written: {picture}')
    return '\n'.join(lines)


main = Command(
    'infer.py',
    __doc__,
    run,
    options={
        'clips': Option(metavar='CLIP'),
        'gallery': Option(metavar='FILE'),
        'layout': Option(metavar='NAME', convert=read_layout),
        'split': Option(metavar='NAME'),
        'out': Option(metavar='FILE'),
        'window': Option(metavar='LENGTH'),
        'stride': Option(metavar='LENGTH'),
        'frame_rate': Option(metavar='N'),
        'picture': Option(metavar='PICTURE'),
    },
).main
