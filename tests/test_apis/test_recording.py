"""Actions over time: windows, and what the frames' scores make of them, against plain loops."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from torch import nn

from halp_mm.apis import SkeletonInferencer
from halp_mm.apis.recording import Timeline, window_bounds
from halp_mm.datasets import SkeletonDataset
from halp_mm.engine.saved_model import describe_model, save_model
from halp_mm.models import InferenceModel
from tests.conftest import write_random_clips
from tests.helpers import tiny_model

CLASSES = ['sit', 'stand', 'wave']
#: On a GPU, cuDNN multiplies float32 in the 19 bits of TF32.
ROUNDING = 1e-3 if torch.cuda.is_available() else 1e-5


@pytest.fixture(scope='module')
def inferencer(tmp_path_factory) -> SkeletonInferencer:
    folder = tmp_path_factory.mktemp('recording')
    dataset = SkeletonDataset(write_random_clips(folder / 'clips.safetensors'), 'train')
    torch.manual_seed(0)
    model = tiny_model()
    encoder = model.encoders['joint']
    classifier = nn.Linear(encoder.feature_dim, len(CLASSES))
    nn.init.normal_(classifier.weight, std=30)
    model = InferenceModel(
        model.encoders, model.sources, model.data_preprocessor, {'joint': classifier}
    )
    config = Config(
        dict(
            model=dict(encoder=dict(type='BiGRU', hidden_size=4, num_layers=1)),
            data_preprocessor=dict(
                normalization=[dict(type='PreNormalize3D')],
                evaluation_view=[dict(type='CenterCropResize', num_frames=8)],
            ),
        )
    )
    save_model(folder / 'm.pth', model, describe_model(config, model, dataset, CLASSES))
    return SkeletonInferencer.from_checkpoint(folder / 'm.pth')


@pytest.fixture
def recording() -> np.ndarray:
    """Two people, who are absent from frame 50 to 80."""
    people = np.random.default_rng(0).normal(size=(2, 150, 25, 3)).astype(np.float32)
    people[:, 50:80] = 0
    return people


def by_hand(num_frames: int, length: int, step: int) -> list[tuple[int, int]]:
    windows, start = [], 0
    while start + length < num_frames:
        windows.append((start, start + length))
        start += step
    windows.append((max(0, num_frames - length), num_frames))
    return windows


@pytest.mark.parametrize(
    ('num_frames', 'length', 'step'),
    [(150, 20, 7), (150, 20, 10), (150, 150, 3), (30, 50, 5), (1, 1, 1), (151, 50, 60)],
)
def test_windows(num_frames, length, step):
    starts, ends = window_bounds(num_frames, length, step)
    assert list(zip(starts, ends)) == by_hand(num_frames, length, step)
    starts, ends = window_bounds(num_frames, length / 30, step / 30, frame_rate=30)
    assert list(zip(starts, ends)) == by_hand(num_frames, length, step)


@pytest.mark.parametrize(
    ('window', 'stride', 'rate', 'words'),
    [
        (1.5, 1, None, 'window is 1.5 frames; expected a whole number, or seconds with a frame_r'),
        (5, 0, None, 'stride must be a whole number of at least 1, got 0'),
        (5, 1, 0, 'frame_rate must be a finite number above 0, got 0'),
        (-1.0, 1.0, 30, 'window must be a finite number above 0, got -1.0'),
    ],
)
def test_bad_windows(window, stride, rate, words):
    with pytest.raises(ValueError, match=words):
        window_bounds(10, window, stride, rate)


@pytest.mark.parametrize('layout', [None, 'kinect_v1'])
def test_every_window_is_answered_as_a_clip(inferencer, recording, layout):
    if layout:
        recording = recording[:, :, :20]
    timeline = inferencer.recognize_recording(recording, 20, 7, layout=layout)
    windows = by_hand(150, 20, 7)
    for number, (start, end) in enumerate(windows):
        part = recording[:, start:end]
        if not part.any():
            assert np.isnan(timeline.scores[number]).all()
            continue
        answer = inferencer(part, layout=layout)
        found = dict(zip(answer.classes, answer.scores))
        assert timeline.scores[number] == pytest.approx([found[c] for c in CLASSES], abs=ROUNDING)
    for frame in range(150):
        rows = [
            timeline.scores[i]
            for i, (start, end) in enumerate(windows)
            if start <= frame < end and recording[:, start:end].any()
        ]
        expected = np.mean(rows, 0) if rows else np.full(3, np.nan)
        assert timeline.frame_scores[frame] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_segments_follow_the_best_class_of_each_frame(inferencer, recording):
    timeline = inferencer.recognize_recording(recording, 10, 5)
    seconds = inferencer.recognize_recording(recording, 0.5, 0.25, frame_rate=20)
    covered = 0
    for segment, in_seconds in zip(timeline.segments, seconds.segments):
        assert segment.start == covered
        covered = segment.end
        rows = timeline.frame_scores[int(segment.start) : int(segment.end)]
        if segment.action is None:
            assert np.isnan(rows).all()
        else:
            best = CLASSES.index(segment.action)
            assert (rows.argmax(1) == best).all()
            assert segment.score == pytest.approx(rows[:, best].mean())
        assert in_seconds.start == pytest.approx(segment.start / 20)
        assert in_seconds.action == segment.action
    assert covered == 150
    actions = [segment.action for segment in timeline.segments]
    assert None in actions
    assert len(set(actions)) > 2
    assert all(a != b for a, b in pairwise(actions))


def test_table_and_picture(tmp_path):
    scores = np.array([[0.75, 0.25], [np.nan, np.nan], [0.25, 0.75]])
    ends = np.array([10, 30, 40])
    timeline = Timeline(['sit', 'wave'], np.array([0, 20, 30]), ends, scores, 10.0)
    lines = [' '.join(line.split()) for line in str(timeline).splitlines()]
    assert lines == [
        'start (s) end (s) action score',
        '0.00 1.00 sit 0.750',
        '1.00 3.00 nobody is seen',
        '3.00 4.00 wave 0.750',
    ]
    with Image.open(timeline.draw(tmp_path / 'timeline.png', 'a $title')) as image:
        assert image.size[0] > 500
    with pytest.raises(ValueError, match=r'timeline.txt; expected a name that ends in .png'):
        timeline.draw(tmp_path / 'timeline.txt')
    in_frames = Timeline(['sit', 'wave'], np.array([0]), np.array([4]), scores[:1])
    assert str(in_frames).splitlines()[1].split() == ['0', '4', 'sit', '0.750']


def test_recordings_that_show_nobody(inferencer):
    with pytest.raises(ValueError, match='nobody is seen in the recording'):
        inferencer.recognize_recording(np.zeros((1, 50, 25, 3)), 10, 5)
