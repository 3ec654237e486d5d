"""Drawn clips: everybody is where the camera says, in the right colours, and files play."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from halp_mm.skeletons import LAYOUTS, get_layout
from halp_mm.synthetic.clips import generate_clip
from halp_mm.visualization import contact_sheet, draw_clip, save_clip
from halp_mm.visualization.skeleton_camera import film_clip, place_camera
from halp_mm.visualization.skeleton_drawing import BACKGROUND, bone_sides, side_colors, sides
from tests.conftest import write_random_clips
from tests.runs import run_tool

KINECT = get_layout('kinect_v2')
MIDDLE, LEFT, RIGHT = (np.array(color) for color in side_colors(0))


@pytest.fixture(scope='module')
def handshake() -> np.ndarray:
    return generate_clip(0, 3, 11, camera=1, repetition=1).coordinates


def has_color(picture: np.ndarray, color: np.ndarray) -> np.ndarray:
    return (np.abs(picture.astype(int) - color) <= 2).all(-1)


def standing(frames: int = 4) -> np.ndarray:
    """Somebody who faces the sensor, the right hand up, ``[1, T, 25, 3]``."""
    places = {
        **{'spine_base': (0, 0), 'spine_mid': (0, 0.25), 'spine_shoulder': (0, 0.5)},
        **{'neck': (0, 0.58), 'head': (0, 0.7)},
        **{'shoulder': (0.18, 0.48), 'elbow': (0.3, 0.25), 'wrist': (0.35, 0.0)},
        **{'hand': (0.36, -0.06), 'hand_tip': (0.36, -0.12), 'thumb': (0.32, -0.08)},
        **{'hip': (0.1, -0.04), 'knee': (0.12, -0.45), 'ankle': (0.13, -0.85)},
        'foot': (0.15, -0.9),
    }
    clip = np.zeros((1, frames, 25, 3), np.float32)
    for number, joint in enumerate(KINECT.joints):
        side, _, part = joint.partition('_')
        mirrored = {'left': -1, 'right': 1}.get(side, 0)
        x, y = places[part if mirrored else joint]
        clip[..., number, :] = (x * mirrored, y, 3)
    clip[..., KINECT.index('right_wrist'), :] = (0.35, 0.8, 3)
    return clip


def test_projection_equals_slow_one(handshake):
    points, seen = handshake.astype(np.float64), np.ones(handshake.shape[:3], bool)
    camera = place_camera(points, seen, 480)
    pixels, depth = camera.project(points)
    right, down, away = camera.rotation
    np.testing.assert_allclose(camera.rotation @ camera.rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(right, down), away, atol=1e-12)
    for person, frame in ((0, 0), (1, 17), (0, 40)):
        for joint in range(25):
            offset = points[person, frame, joint] - camera.middle
            z = sum(a * b for a, b in zip(away, offset)) + camera.distance
            for axis, direction in enumerate((right, down)):
                along = sum(a * b for a, b in zip(direction, offset))
                expected = along / z * camera.distance * camera.scale + camera.shift[axis]
                assert pixels[person, frame, joint, axis] == pytest.approx(expected)
            assert depth[person, frame, joint] == pytest.approx(z)


def test_everybody_is_in_the_picture_and_fills_it(handshake):
    scene = film_clip(handshake, KINECT, 480)
    shown = scene.pixels[scene.seen]
    assert shown.min() > 30
    assert shown.max() < 450
    assert np.ptp(shown, axis=0).max() > 350


def test_two_people_stand_side_by_side(handshake):
    for turn in np.linspace(0, np.pi, 13):
        cos, sin = np.cos(turn), np.sin(turn)
        rotation = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        scene = film_clip(handshake @ rotation.T, KINECT, 480)
        apart = np.abs(np.diff(scene.pixels[:, :, :, 0].mean((1, 2))))
        assert apart > 0.2 * scene.body_size


def test_single_leap_does_not_shrink_the_others(handshake):
    leaping = handshake.copy()
    leaping[:, 20] += 50
    leaping[0, 30, 3] = np.inf
    calm, wild = (film_clip(clip, KINECT, 480) for clip in (handshake, leaping))
    assert wild.body_size == pytest.approx(calm.body_size, rel=0.05)
    draw_clip(leaping, KINECT, 120)  # far outside, and none of OpenCV's overflows


def test_right_hand_of_who_faces_the_sensor_is_on_the_left():
    scene = film_clip(standing(), KINECT, 480)
    x, y = scene.pixels[0, 0].T
    assert x[KINECT.index('right_hand')] < x[KINECT.index('head')] < x[KINECT.index('left_hand')]
    assert y[KINECT.index('head')] < y[KINECT.index('left_foot')]
    assert y[KINECT.index('right_wrist')] < y[KINECT.index('left_wrist')]


def test_feet_stand_on_the_floor():
    scene = film_clip(standing(), KINECT, 480)
    feet = [KINECT.index('left_foot'), KINECT.index('right_foot')]
    np.testing.assert_allclose(scene.floor.shadows[..., feet, :], scene.pixels[..., feet, :])
    assert (scene.floor.shadows[..., 3, 1] > scene.pixels[..., 3, 1] + 200).all()
    polygon = scene.floor.corners.astype(np.float32)
    for foot in scene.pixels[0, 0, feet]:
        assert cv2.pointPolygonTest(polygon, foot.tolist(), False) > 0


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=LAYOUTS)
def test_left_and_right_mirror_each_other(layout):
    side, bones = sides(layout), bone_sides(layout)
    swap = np.array([0, 2, 1])
    np.testing.assert_array_equal(side[list(layout.mirror)], swap[side])
    assert (side == 1).sum() == (side == 2).sum() == len(layout.left_right)
    by_ends = {frozenset(ends): bones[i] for i, ends in enumerate(layout.bone_indices)}
    for (a, b), number in zip(layout.bone_indices, bones):
        assert by_ends[frozenset((layout.mirror[a], layout.mirror[b]))] == swap[number]
        assert number in (side[a], side[b])


def test_colors_are_where_the_projection_says():
    clip = standing()
    picture = draw_clip(clip, 'kinect_v2')[0]
    scene = film_clip(clip, KINECT, 480)
    for bone, color in (
        (('left_shoulder', 'left_elbow'), LEFT),
        (('right_hip', 'right_knee'), RIGHT),
        (('left_knee', 'left_ankle'), LEFT),
        (('spine_mid', 'spine_base'), MIDDLE),
    ):
        ends = scene.pixels[0, 0, [KINECT.index(joint) for joint in bone]]
        for share in (0.35, 0.5, 0.65):
            x, y = np.round(ends[0] * share + ends[1] * (1 - share)).astype(int)
            assert has_color(picture[y, x], color), (bone, picture[y, x])


def test_mirrored_body_has_the_colors_of_the_other_side():
    clip = standing()
    mirrored = clip[:, :, list(KINECT.mirror)]
    left, right = (has_color(draw_clip(clip, KINECT)[0], color) for color in (LEFT, RIGHT))
    swapped = draw_clip(mirrored, KINECT)[0]
    legend = np.s_[40:]
    assert left[legend].sum() > 500
    assert right[legend].sum() > 500
    np.testing.assert_array_equal(has_color(swapped, RIGHT)[legend], left[legend])
    np.testing.assert_array_equal(has_color(swapped, LEFT)[legend], right[legend])


def test_near_limb_covers_the_far_one():
    for distance, expected in ((2.6, LEFT), (3.4, RIGHT)):
        clip = standing()
        for joint, y in (('left_knee', -0.45), ('left_ankle', -0.85)):
            clip[..., KINECT.index(joint), :] = (0, y, distance)
        for joint, x in (('right_knee', -0.2), ('right_ankle', 0.2)):
            clip[..., KINECT.index(joint), :] = (x, -0.65, 3)
        scene = film_clip(clip, KINECT, 480)
        legs = [[f'{side}_{part}' for part in ('knee', 'ankle')] for side in ('left', 'right')]
        a, b, c, d = (scene.pixels[0, 0, KINECT.index(joint)] for leg in legs for joint in leg)
        share = np.linalg.solve(np.stack([b - a, c - d], 1), c - a)[0]
        assert 0 < share < 1, 'the legs do not cross'
        x, y = np.round(a + share * (b - a)).astype(int)
        assert has_color(draw_clip(clip, KINECT)[0, y, x], expected)


def test_second_person_is_paler(handshake):
    picture = draw_clip(handshake, KINECT)[0]
    for person in range(2):
        for color in side_colors(person)[1:]:
            assert has_color(picture, np.array(color)).sum() > 300
    assert sum(side_colors(1)[1]) > sum(side_colors(0)[1]) + 150


def test_absent_people_are_not_drawn(handshake):
    clip = handshake.copy()
    clip[1, 5] = 0
    clip[:, 9] = 0
    pictures = draw_clip(torch.from_numpy(clip), KINECT)
    pale, strong = (np.array(side_colors(person)[1]) for person in (1, 0))
    body = np.s_[40:440]
    counts = [
        [has_color(pictures[frame][body], color).sum() for color in (strong, pale)]
        for frame in (4, 5, 9)
    ]
    assert min(counts[0]) > 300
    assert counts[1][0] > 300
    assert counts[1][1] < 20
    assert counts[2] == [0, 0]
    # "nobody" is written in the middle, and nothing else is there
    alone = draw_clip(np.zeros_like(clip), KINECT)
    assert has_color(alone[0], np.array(BACKGROUND)).mean() > 0.98
    assert not has_color(alone[0][225:245, 200:290], np.array(BACKGROUND)).all()


def test_poses_in_an_image():
    layout = get_layout('coco17')
    clip = np.zeros((1, 3, 17, 3), np.float32)
    clip[..., 2] = 1
    clip[..., :2] = np.random.default_rng(0).uniform(100, 500, (17, 2))
    scene = film_clip(clip, layout, 480)
    assert scene.floor is None
    scale = np.diff(scene.pixels[0, 0, :2], axis=0) / np.diff(clip[0, 0, :2, :2], axis=0)
    assert scale[0, 0] == pytest.approx(scale[0, 1])
    assert scale[0, 0] > 0, 'x to the right and y down, as in the image'
    wrist = layout.index('left_wrist')
    clip[0, 1, wrist, :2] = 0
    clip[0, 2, wrist, 2] = 0
    pictures = draw_clip(clip, layout)[:, :440]
    assert (pictures[0] != pictures[1]).any()
    np.testing.assert_array_equal(pictures[1], pictures[2])


def test_some_frames_are_those_of_all(handshake):
    all_frames = draw_clip(handshake, KINECT, 240)
    assert all_frames.shape == (handshake.shape[1], 240, 240, 3)
    assert all_frames.dtype == np.uint8
    np.testing.assert_array_equal(
        draw_clip(handshake, KINECT, 240, frames=[3, 31]), all_frames[[3, 31]]
    )


@pytest.mark.parametrize('frames', [1, 3, 5, 50])
def test_contact_sheet(frames, handshake):
    sheet = contact_sheet(handshake[:, :frames], KINECT, 160, 'a handshake')
    count = min(frames, 8)
    columns = min(count, 4)
    rows = -(-count // columns)
    assert sheet.shape[1] == 160 * columns
    assert 0 < sheet.shape[0] - 160 * rows <= 60
    chosen = np.linspace(0, frames - 1, count).round().astype(int)
    tiles = draw_clip(handshake[:, :frames], KINECT, 160, frames=chosen.tolist())
    top = sheet.shape[0] - 160 * rows
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        part = sheet[top + 160 * row : top + 160 * (row + 1), 160 * column : 160 * (column + 1)]
        np.testing.assert_array_equal(part, tile)


def test_gif(handshake, tmp_path):
    save_clip(handshake, KINECT, tmp_path / 'clip.gif', 'name', fps=30, size=160)
    with Image.open(tmp_path / 'clip.gif') as image:
        assert image.size == (160, 160)
        assert image.n_frames == handshake.shape[1]
        duration = 0
        drawn = draw_clip(handshake, KINECT, 160, 'name')
        for number in range(image.n_frames):
            image.seek(number)
            duration += image.info['duration']
            error = np.abs(np.asarray(image.convert('RGB')).astype(int) - drawn[number])
            assert error.mean() < 1
    assert duration == pytest.approx(1000 * handshake.shape[1] / 30, abs=10)


def test_film(handshake, tmp_path):
    save_clip(handshake, KINECT, tmp_path / 'clip.mp4', fps=25, size=160)
    film = cv2.VideoCapture(str(tmp_path / 'clip.mp4'))
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(25)
    drawn, count = draw_clip(handshake, KINECT, 160), 0
    while (read := film.read())[0]:
        error = np.abs(read[1][..., ::-1].astype(int) - drawn[count])
        assert read[1].shape == (160, 160, 3)
        assert error.mean() < 8
        count += 1
    assert count == handshake.shape[1]


@pytest.mark.parametrize(
    ('name', 'options', 'message'),
    [
        ('clip.avi', {}, r"clip.avi ends in '.avi'; expected one of .gif, .mp4, .png"),
        ('clip.mp4', {'size': 161}, 'size is 161; expected an even number from 120 to 2160'),
        ('clip.png', {'size': 20}, 'size is 20; expected an even number from 120 to 2160'),
        ('clip.gif', {'fps': 60}, 'fps is 60; expected 0.1 to 50 in a .gif file'),
        ('clip.mp4', {'fps': 0}, 'fps is 0; expected 0.1 to 240 in a .mp4 file'),
    ],
)
def test_bad_options(name, options, message, tmp_path):
    with pytest.raises(ValueError, match=re.escape(message)):
        save_clip(standing(), KINECT, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_clip_of_another_layout():
    with pytest.raises(ValueError, match=r'shape \[1, 4, 25, 3\] cannot be drawn; .* 20 joints'):
        draw_clip(standing(), 'msr_action3d')


def test_one_joint_layout_is_drawn():
    layout = replace(
        KINECT,
        name='point',
        joints=('head',),
        bones=(),
        center='head',
        left_right=(),
        spine=None,
        shoulders=None,
    )
    picture = draw_clip(standing()[:, :, :1], layout, 120)[0]
    assert has_color(picture[50:70, 50:70], MIDDLE * 0.72).sum() > 3


def test_tool_end_to_end(tmp_path):
    data = write_random_clips(tmp_path / 'data')
    done = run_tool(
        *('visualization/draw_skeleton.py', data, '--clip', 'clip003'),
        *('--out', tmp_path / 'new/clip.png', '--size', 120),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f'clip003: sit, people 2, frames 29\nwritten: {tmp_path / "new/clip.png"}\n'
    )
    assert cv2.imread(str(tmp_path / 'new/clip.png')).shape == (280, 480, 3)


def test_unknown_clip(tmp_path):
    data = write_random_clips(tmp_path / 'data')
    done = run_tool(
        'visualization/draw_skeleton.py', data, '--clip', 'clip01', '--out', tmp_path / 'clip.gif'
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "has no clip 'clip01' among its 12; expected a position from 0 to 11" in done.stderr
    assert 'or a name such as clip01' in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ['data']
