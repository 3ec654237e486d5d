"""Files of pose estimators and motion capture in their real form, and slow ways to read them."""

import json
import math

import numpy as np


def two_people(joints, channels=3, frames=14, seed=0):
    """Two people who walk side by side, ``[2, T, V, C]``; the second one moves more."""
    generator = np.random.default_rng(seed)
    poses = generator.uniform(10, 60, (2, 1, joints, channels)).repeat(frames, 1)
    time = np.arange(frames)[:, None]
    poses[0, ..., 0] += 100 + time
    poses[1, ..., 0] += 500 + 4 * time
    poses[1, ..., 1] += 3 * time
    if channels > 2:
        poses[..., 2] = generator.uniform(0.1, 1, poses.shape[:3])
    return poses.round(3)


def seen_frames(frames):
    """Who is there in each frame, in which order: the second one comes first in odd frames."""
    orders = [(0, 1) if t % 2 == 0 else (1, 0) for t in range(frames)]
    orders[5], orders[6] = (0,), (1,)
    return orders


def expected_clip(people, scale=1.0):
    """The clip of :func:`two_people` in :func:`seen_frames`: larger energy first."""
    clip = np.zeros(people.shape, np.float32)
    for t, order in enumerate(seen_frames(people.shape[1])):
        for person in order:
            for joint in range(people.shape[2]):
                clip[1 - person, t, joint] = people[person, t, joint] * scale
    return clip


def dump(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_openpose(folder, name, people):
    for t, order in enumerate(seen_frames(people.shape[1])):
        listed = [
            {
                'person_id': [-1],
                'pose_keypoints_2d': people[m, t].ravel().tolist(),
                'face_keypoints_2d': [],
                'hand_left_keypoints_2d': [],
                'pose_keypoints_3d': [],
            }
            for m in order
        ]
        dump(folder / name / f'video_{t:012d}_keypoints.json', {'version': 1.3, 'people': listed})


def write_alphapose(folder, name, people, ids=None):
    entries = []
    for t, order in enumerate(seen_frames(people.shape[1])):
        for m in order:
            entry = {
                'image_id': f'{t}.jpg',
                'category_id': 1,
                'keypoints': people[m, t].ravel().tolist(),
                'score': 2.5,
                'box': [1.0, 2.0, 3.0, 4.0],
            }
            entries.append(entry if ids is None else entry | {'idx': ids(m)})
    dump(folder / f'{name}.json', entries)


def mmpose_frames(people):
    return [
        {
            'frame_id': t + 1,
            'instances': [
                {
                    'keypoints': people[m, t, :, :-1].tolist(),
                    'keypoint_scores': people[m, t, :, -1].tolist(),
                    'bbox': [[1.0, 2.0, 3.0, 4.0]],
                    'bbox_score': 0.9,
                }
                for m in order
            ],
        }
        for t, order in enumerate(seen_frames(people.shape[1]))
    ]


def write_mmpose(folder, name, people, with_meta=True):
    frames = mmpose_frames(people)
    content = {'meta_info': {'dataset_name': 'coco'}, 'instance_info': frames}
    dump(folder / f'{name}.json', content if with_meta else frames)


def write_mediapipe(folder, name, people, key='pose_world_landmarks'):
    names = ('x', 'y', 'z', 'visibility')
    frames = [
        {key: [[dict(zip(names, joint)) for joint in people[m, t].tolist()] for m in order]}
        for t, order in enumerate(seen_frames(people.shape[1]))
    ]
    dump(folder / f'{name}.json', frames)


def write_azure(folder, name, people):
    frames = [
        {
            'frame_id': t + 7,
            'timestamp_usec': 33333 * t,
            'num_bodies': len(order),
            'bodies': [
                {
                    'body_id': m + 1,
                    'joint_positions': people[m, t].tolist(),
                    'joint_orientations': [[1.0, 0.0, 0.0, 0.0]] * 32,
                }
                for m in order
            ],
        }
        for t, order in enumerate(seen_frames(people.shape[1]))
    ]
    dump(folder / f'{name}.json', {'joint_names': ['PELVIS'], 'frames': frames})


BVH_TREE = """HIERARCHY
ROOT Hips
{
\tOFFSET 0.00 0.00 0.00
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
\tJOINT Spine
\t{
\t\tOFFSET 0.00 5.21 1.5
\t\tCHANNELS 3 Zrotation Xrotation Yrotation
\t\tJOINT LeftArm
\t\t{
\t\t\tOFFSET 5.5 0.3 0.00
\t\t\tCHANNELS 3 Yrotation Zrotation Xrotation
\t\t\tEnd Site
\t\t\t{
\t\t\t\tOFFSET 1.0 -7.0 2.0
\t\t\t}
\t\t}
\t\tJOINT RightArm
\t\t{
\t\t\tOFFSET -5.5 0.3 0.00
\t\t\tCHANNELS 3 Xrotation Yrotation Zrotation
\t\t\tEnd Site
\t\t\t{
\t\t\t\tOFFSET -1.0 -7.0 2.0
\t\t\t}
\t\t}
\t}
}
"""
BVH_JOINTS = [
    *('hips', 'spine', 'left_arm', 'left_arm_end', 'right_arm', 'right_arm_end'),
]


def write_bvh(folder, name, frames=9, seed=0, tree=BVH_TREE):
    """Write a file; returns the channels' values."""
    values = np.random.default_rng(seed).uniform(-170, 170, (frames, 15)).round(4)
    lines = [' '.join(map(str, row)) for row in values.tolist()]
    folder.mkdir(parents=True, exist_ok=True)
    motion = ['MOTION', f'Frames:\t{frames}', 'Frame Time:\t0.033333', *lines, '']
    (folder / f'{name}.bvh').write_text(tree + '\n'.join(motion))
    return values


def slow_bvh(values):
    """Places of :data:`BVH_JOINTS` by points turned axis by axis, the last channel first."""
    offsets = {
        'spine': (0, 5.21, 1.5),
        'left_arm': (5.5, 0.3, 0),
        'left_arm_end': (1, -7, 2),
        'right_arm': (-5.5, 0.3, 0),
        'right_arm_end': (-1, -7, 2),
    }
    chains = {
        'hips': (),
        'spine': ('spine',),
        **{f'{s}_arm': ('spine', f'{s}_arm') for s in ('left', 'right')},
        **{f'{s}_arm_end': ('spine', f'{s}_arm', f'{s}_arm_end') for s in ('left', 'right')},
    }
    angles = {'hips': (3, 'ZXY'), 'spine': (6, 'ZXY'), 'left_arm': (9, 'YZX')}
    angles['right_arm'] = (12, 'XYZ')
    clip = np.zeros((1, len(values), 6, 3), np.float32)
    for t, row in enumerate(values):
        for v, joint in enumerate(BVH_JOINTS):
            point = [0.0, 0.0, 0.0]
            for link, parent in reversed([*zip(chains[joint], ('hips', *chains[joint]))]):
                point = [a + b for a, b in zip(point, offsets[link])]
                first, axes = angles[parent]
                for axis, degrees in reversed([*zip(axes, row[first : first + 3])]):
                    point = _turned(point, axis, math.radians(degrees))
            clip[0, t, v] = [a + b for a, b in zip(point, row[:3])]
    return clip


def _turned(point, axis, angle):
    x, y, z = point
    c, s = math.cos(angle), math.sin(angle)
    if axis == 'X':
        return [x, c * y - s * z, s * y + c * z]
    if axis == 'Y':
        return [c * x + s * z, y, c * z - s * x]
    return [c * x - s * y, s * x + c * y, z]
