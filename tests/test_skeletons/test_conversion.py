"""Conversion of layouts: against a slow version joint by joint, and what it promises."""

import itertools

import numpy as np
import pytest
import torch

from halp_mm.skeletons import (
    LAYOUTS,
    conversion_matrix,
    conversion_recipe,
    convert_joints,
    describe_conversion,
    get_layout,
)
from tests.helpers import DTYPES, generator, random_clips

SYNONYMS = [
    ('hip_center', 'spine_base'),
    ('spine', 'spine_mid'),
    ('shoulder_center', 'spine_shoulder'),
]
PAIRS = [
    (source, target)
    for source, target in itertools.permutations(LAYOUTS, 2)
    if LAYOUTS[source].dimensions == LAYOUTS[target].dimensions
]
# A body without shoulders and hips, with three joints in a row that Kinect lacks, and with toes.
WALKER = dict(
    name='walker',
    joints=[
        *('pelvis', 'belly', 'chest', 'spine_shoulder', 'head', 'left_hand', 'right_hand'),
        *('left_knee', 'left_toe', 'right_knee', 'right_toe', 'nose'),
    ],
    bones=[
        *(['pelvis', 'belly'], ['belly', 'chest'], ['chest', 'spine_shoulder']),
        *(['spine_shoulder', 'head'], ['spine_shoulder', 'left_hand']),
        *(['spine_shoulder', 'right_hand'], ['pelvis', 'left_knee'], ['left_knee', 'left_toe']),
        *(['pelvis', 'right_knee'], ['right_knee', 'right_toe'], ['head', 'nose']),
    ],
    center='spine_shoulder',
)


def neighbours_of(layout, joint):
    return [(set(bone) - {joint}).pop() for bone in layout.bones if joint in bone]


def meaning(layout, joint):
    """A joint's name in the words of Kinect v2."""
    around = neighbours_of(layout, joint)
    others = {'spine_shoulder', 'shoulder_center'} & set(layout.joints)
    if joint == 'neck' and {'left_shoulder', 'right_shoulder'} <= set(around) and not others:
        return 'spine_shoulder'
    return dict(SYNONYMS).get(joint, joint)


def slow_matrix(source, target):
    """The rule, a joint at a time; what lies between neighbours by repeated averaging."""
    weights, known = {}, []
    for joint in target.joints:
        for other in source.joints:
            if meaning(source, other) == meaning(target, joint):
                weights[joint] = {other: 1.0}
        if joint in weights:
            known.append(joint)
        else:
            weights[joint] = {source.joints[0]: 1.0}
    fixed = list(known)
    for joint in target.joints:
        around = neighbours_of(target, joint)
        pairs = [pair for pair in target.left_right if set(pair) <= set(around) & set(known)]
        if joint not in known and pairs:
            weights[joint] = mean([weights[j] for pair in pairs for j in pair])
            fixed.append(joint)
    for _ in range(1000):
        for joint in target.joints:
            if joint not in fixed:
                weights[joint] = mean([weights[j] for j in neighbours_of(target, joint)])
    return np.array([[weights[j].get(o, 0.0) for o in source.joints] for j in target.joints])


def mean(parts):
    names = {name for part in parts for name in part}
    return {name: sum(part.get(name, 0) for part in parts) / len(parts) for name in names}


@pytest.mark.parametrize(
    ('source', 'target'), [*PAIRS, ('kinect_v2', WALKER), ('kinect_v1', WALKER)], ids=str
)
def test_matrix_equals_a_slow_version(source, target):
    matrix = conversion_matrix(source, target).numpy()
    np.testing.assert_allclose(
        matrix, slow_matrix(get_layout(source), get_layout(target)), atol=1e-9
    )
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-15)
    source, target = get_layout(source), get_layout(target)
    mirrored = matrix[list(target.mirror)][:, list(source.mirror)]
    np.testing.assert_allclose(mirrored, matrix, atol=1e-15, err_msg='left stays left')


def test_msr_action3d_to_kinect_v2():
    recipe = conversion_recipe('msr_action3d', 'kinect_v2')
    others = {
        'spine_base': {'hip_center': 1},
        'spine_mid': {'spine': 1},
        'spine_shoulder': {'neck': 1},
        'neck': {'neck': 0.5, 'head': 0.5},
        'left_hand_tip': {'left_hand': 1},
        'left_thumb': {'left_hand': 1},
        'right_hand_tip': {'right_hand': 1},
        'right_thumb': {'right_hand': 1},
    }
    joints = get_layout('kinect_v2').joints
    assert recipe == {joint: others.get(joint, {joint: 1}) for joint in joints}


def test_poses_in_an_image():
    neck = {'neck': {'left_shoulder': 0.5, 'right_shoulder': 0.5}}
    joints = get_layout('openpose18').joints
    assert conversion_recipe('coco17', 'openpose18') == {j: neck.get(j, {j: 1}) for j in joints}
    back = conversion_recipe('openpose18', 'coco17')
    assert back == {joint: {joint: 1} for joint in get_layout('coco17').joints}
    assert describe_conversion('openpose18', 'coco17') == {
        'from': 'openpose18',
        'to': 'coco17',
        'made': {},
        'dropped': ['neck'],
    }


def test_joints_in_a_row_divide_the_way_and_ends_stay():
    chain = ['head', 'a', 'b', 'c', 'hip_center', 'left_hip', 'left_knee', 'toe']
    target = dict(name='chain', joints=chain, bones=list(itertools.pairwise(chain)), center='head')
    recipe = conversion_recipe('kinect_v1', target)
    assert recipe['a'] == pytest.approx({'head': 0.75, 'hip_center': 0.25})
    assert recipe['b'] == pytest.approx({'head': 0.5, 'hip_center': 0.5})
    assert recipe['c'] == pytest.approx({'head': 0.25, 'hip_center': 0.75})
    assert recipe['toe'] == {'left_knee': 1}
    assert describe_conversion('kinect_v1', target)['made'] == {
        'a': '0.25 hip_center + 0.75 head',
        'b': '0.5 hip_center + 0.5 head',
        'c': '0.75 hip_center + 0.25 head',
        'toe': 'left_knee',
    }


@pytest.mark.parametrize(('source', 'target'), PAIRS)
@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('extra', [0, 1])
def test_clips_equal_a_slow_version(source, target, dtype, extra):
    source, target = get_layout(source), get_layout(target)
    channels = source.dimensions + extra
    clips = random_clips((6, 3), layout=source, channels=channels, dtype=dtype).coordinates
    clips *= torch.rand(clips.shape[:-1], generator=generator(3))[..., None] > 0.4
    converted = convert_joints(clips, source, target)
    assert converted.dtype == dtype
    weights = slow_matrix(source, target)
    expected = np.zeros(converted.shape)
    for place in np.ndindex(*converted.shape[:-1]):
        parts = [
            (weight, clips[(*place[:-1], other)].double().numpy())
            for other, weight in enumerate(weights[place[-1]])
            if weight > 1e-9
        ]
        tracked = [part for part in parts if part[1][: source.dimensions].any()]
        if tracked:
            total = sum(weight for weight, _ in tracked)
            expected[place] = sum(weight * joint for weight, joint in tracked) / total
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    np.testing.assert_allclose(converted, expected, rtol=0, atol=tolerance)
    assert not converted[1, :, 3:].any(), 'padding stays zero'
    assert not converted[1, 1].any(), 'an absent person stays zero'


@pytest.mark.parametrize('layout', [*LAYOUTS, WALKER], ids=str)
def test_equal_layouts_change_nothing(layout):
    clips = random_clips(layout=layout).coordinates
    assert convert_joints(clips, layout, layout) is clips
    renamed = {**get_layout(layout).to_dict(), 'name': 'another name'}
    assert torch.equal(convert_joints(clips, layout, renamed), clips)
    count = get_layout(layout).num_joints
    assert torch.equal(conversion_matrix(layout, layout), torch.eye(count, dtype=torch.float64))
    assert describe_conversion(layout, layout) == {}


def test_there_and_back_keeps_shared_joints_bit_for_bit():
    clips = random_clips(layout='kinect_v2').coordinates
    small = convert_joints(clips, 'kinect_v2', 'kinect_v1')
    back = convert_joints(small, 'kinect_v1', 'kinect_v2')
    layout = get_layout('kinect_v2')
    lost = ['neck', *(f'{s}_{p}' for s in ('left', 'right') for p in ('hand_tip', 'thumb'))]
    shared = [i for i, joint in enumerate(layout.joints) if joint not in lost]
    assert len(shared) == 20
    assert torch.equal(back[..., shared, :], clips[..., shared, :])
    assert not torch.equal(back, clips)


def test_msr_action3d_to_kinect_v1_is_a_permutation():
    clips = random_clips(layout='msr_action3d').coordinates
    converted = convert_joints(clips, 'msr_action3d', 'kinect_v1')
    # The order of the MSR-Action3D files, counted from 1, in that of the SDK.
    order = [7, 4, 3, 20, 1, 8, 10, 12, 2, 9, 11, 13, 5, 14, 16, 18, 6, 15, 17, 19]
    assert torch.equal(converted, clips[..., [i - 1 for i in order], :])
    assert torch.equal(convert_joints(converted, 'kinect_v1', 'msr_action3d'), clips)


def test_a_neck_between_the_shoulders_is_the_upper_spine_of_ones_own_layout_too():
    own = get_layout('kinect_v1').to_dict()
    rename = {'shoulder_center': 'neck'}
    own['name'] = 'own'
    own['joints'] = [rename.get(j, j) for j in own['joints']]
    own['bones'] = [[rename.get(j, j) for j in bone] for bone in own['bones']]
    own['center'] = 'neck'
    assert conversion_recipe(own, 'kinect_v2')['spine_shoulder'] == {'neck': 1}
    assert conversion_recipe('kinect_v2', own)['neck'] == {'spine_shoulder': 1}


def test_the_same_name_goes_before_a_synonym():
    own = get_layout('kinect_v2').to_dict()
    own.update(name='own', joints=[*own['joints'], 'spine'])
    own['bones'] = [*own['bones'], ['spine', 'spine_mid']]
    assert conversion_recipe(own, 'kinect_v2')['spine_mid'] == {'spine_mid': 1}
    assert conversion_recipe(own, 'kinect_v1')['spine'] == {'spine': 1}
    assert conversion_recipe('kinect_v2', own)['spine'] == {'spine_mid': 1}


def test_a_missing_joint_does_not_drag_a_mean_to_the_origin():
    clips = random_clips((4,), layout='kinect_v1').coordinates
    layout = get_layout('kinect_v1')
    head, shoulders = layout.index('head'), layout.index('shoulder_center')
    clips[0, 0, 0, head] = 0
    clips[0, 0, 1, shoulders] = 0
    clips[0, 0, 2, [head, shoulders]] = 0
    neck = convert_joints(clips, layout, 'kinect_v2')[
        0, 0, :, get_layout('kinect_v2').index('neck')
    ]
    assert torch.equal(neck[0], clips[0, 0, 0, shoulders])
    assert torch.equal(neck[1], clips[0, 0, 1, head])
    assert not neck[2].any()
    torch.testing.assert_close(neck[3], clips[0, 0, 3, [head, shoulders]].mean(0))


@pytest.mark.parametrize(
    ('source', 'target', 'message'),
    [
        ('coco17', 'kinect_v2', "'coco17' has 2 dimensions and 'kinect_v2' has 3; .* Choose"),
        ('kinect_v1', 'openpose18', "'kinect_v1' has 3 dimensions and 'openpose18' has 2"),
        (
            WALKER,
            'kinect_v2',
            r"'walker' has 6 of the 25 joints of 'kinect_v2'; .*lacks \['spine_b",
        ),
    ],
)
def test_what_cannot_be_converted(source, target, message):
    for convert in (conversion_matrix, conversion_recipe, describe_conversion):
        with pytest.raises(ValueError, match=message):
            convert(source, target)
    with pytest.raises(ValueError, match=message):
        convert_joints(random_clips(layout=source).coordinates, source, target)
