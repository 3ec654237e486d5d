"""Poses over the video in which they were found."""

import cv2
import numpy as np
import pytest

from halp_mm.datasets import ClipWriter
from halp_mm.visualization import save_clip_over_video
from halp_mm.visualization.skeleton_drawing import LEFT
from tests.runs import run_tool

FRAMES, WIDTH, HEIGHT = 12, 322, 240


@pytest.fixture
def video(tmp_path):
    """Grey frames, each a little lighter than the one before."""
    path = tmp_path / 'ä video.mp4'
    fourcc = cv2.VideoWriter_fourcc(*'mp4v')
    writer = cv2.VideoWriter(str(path), fourcc, 20.0, (WIDTH, HEIGHT))
    for number in range(FRAMES):
        writer.write(np.full((HEIGHT, WIDTH, 3), 100 + 10 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture
def pose():
    """A left arm from (160, 60) to (160, 180), in all of 5 frames but the last."""
    clip = np.zeros((1, 5, 17, 3), np.float32)
    for joint, y in ((5, 60), (7, 120), (9, 180)):
        clip[0, :4, joint] = (160, y, 0.9)
    return clip


def read(path) -> np.ndarray:
    film, frames = cv2.VideoCapture(str(path)), []
    while (found := film.read())[0]:
        frames.append(found[1][..., ::-1].astype(int))
    return np.stack(frames)


@pytest.mark.parametrize('size', [240, 480])
def test_poses_stand_where_they_are_in_the_video(video, pose, tmp_path, size):
    save_clip_over_video(pose, 'coco17', video, tmp_path / 'out.mp4', first_frame=3, size=size)
    drawn, recorded = read(tmp_path / 'out.mp4'), read(video)
    scale = size // HEIGHT
    assert drawn.shape == (5, size, scale * WIDTH, 3)
    for number, frame in enumerate(drawn):
        background = frame[:, : 100 * scale]
        assert abs(background.mean() - recorded[3 + number].mean()) < 4  # films are lossy
        on_the_limb = frame[80 * scale : 100 * scale, 159 * scale : 161 * scale]
        is_drawn = np.abs(on_the_limb.mean((0, 1)) - LEFT).max() < 40
        assert is_drawn == (number < 4)


def test_command(video, pose, tmp_path):
    with ClipWriter(tmp_path / 'data', 'coco17', ['wave'], 'mine') as writer:
        writer.add('a', pose, label=0)
    words = ('visualization/draw_skeleton.py', tmp_path / 'data', '--clip', 'a', '--video', video)
    done = run_tool(*words, '--out', tmp_path / 'out.gif', '--size', 120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f'written: {tmp_path / "out.gif"}\n')
    done = run_tool(*words, '--out', tmp_path / 'late.gif', '--first-frame', 9)
    assert done.returncode == 1
    assert 'begins at frame 9' in done.stderr
    assert not (tmp_path / 'late.gif').exists()


@pytest.mark.parametrize(
    ('layout', 'name', 'out', 'message'),
    [
        ('kinect_v2', 'ä video.mp4', 'x.mp4', "layout 'kinect_v2' has 3 dimensions"),
        ('coco17', 'none.mp4', 'x.mp4', 'there is no video'),
        ('coco17', 'text.mp4', 'x.mp4', 'does not play'),
        ('coco17', 'ä video.mp4', 'x.png', r'a \.gif or an \.mp4'),
        ('coco17', 'ä video.mp4', 'x.avi', r"ends in '\.avi'"),
    ],
)
def test_mistakes(video, pose, tmp_path, layout, name, out, message):
    (tmp_path / 'text.mp4').write_text('no video', encoding='utf-8')
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        save_clip_over_video(pose, layout, tmp_path / name, tmp_path / out)
    assert not (tmp_path / out).exists()
