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
    ('mid_hip', 'spine_base'),
    ('pelvis', 'spine_base'),
    ('spine', 'spine_mid'),
    ('spine_navel', 'spine_mid'),
    ('shoulder_center', 'spine_shoulder'),
    ('thorax', 'spine_shoulder'),
    ('left_collar', 'left_clavicle'),
    ('right_collar', 'right_clavicle'),
]
# Whole bodies with hands have hundreds of joints, too many for the slow versions.
SMALL = [name for name, layout in LAYOUTS.items() if layout.num_joints <= 33]
CONVERTIBLE = 62


def convertible(source, target):
    try:
        conversion_matrix(source, target)
    except ValueError:
        return False
    return True


PAIRS = [pair for pair in itertools.permutations(SMALL, 2) if convertible(*pair)]
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
    others = {'spine_shoulder', 'shoulder_center', 'thorax'} & set(layout.joints)
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
        if joint not in weights:
            weights |= slow_head_or_face(source, joint)
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


def slow_head_or_face(source, joint):
    face = ['left_ear', 'right_ear', 'left_eye', 'right_eye', 'nose']
    there = [part for part in face if part in source.joints]
    if joint == 'head' and there:
        first = there[:1] if there == ['nose'] else there[:2]
        return {joint: {part: 1 / len(first) for part in first}}
    if joint in face and not there and 'head' in source.joints:
        return {joint: {'head': 1.0}}
    return {}


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
    assert ((matrix == 0) | (matrix > 1e-9)).all(), 'no weight is a rounding error'
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=0, atol=5e-16)
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


def test_as_many_layouts_as_expected_can_be_converted():
    assert len(PAIRS) == CONVERTIBLE
    assert convertible('coco_wholebody133', 'coco_wholebody65')
    assert convertible('coco_wholebody133', 'halpe26')
    assert not convertible('coco_wholebody133', 'hand21')


def test_head_and_face_stand_for_each_other():
    joints = ['pelvis', 'neck', 'head', 'left_shoulder', 'right_shoulder']
    bones = [['pelvis', 'neck'], ['neck', 'head'], ['neck', 'left_shoulder']]
    body = dict(joints=joints, bones=[*bones, ['neck', 'right_shoulder']], center='neck')
    with_head = dict(body, name='with_head', dimensions=2)
    assert conversion_recipe('openpose25', with_head)['head'] == {'left_ear': 0.5, 'right_ear': 0.5}
    nose = [joint.replace('head', 'nose') for joint in joints]
    bones = [[joint.replace('head', 'nose') for joint in bone] for bone in with_head['bones']]
    with_nose = dict(with_head, name='with_nose', joints=nose, bones=bones)
    assert conversion_recipe(with_nose, with_head)['head'] == {'nose': 1}
    assert conversion_recipe(with_head, with_nose)['nose'] == {'head': 1}
    assert conversion_recipe('halpe26', with_head)['head'] == {'head': 1}, 'a head goes before ears'
    # A face goes with the head only where the source has no face.
    assert conversion_recipe('azure_kinect', 'blazepose33')['nose'] == {'nose': 1}


def test_names_of_the_same_meaning():
    recipe = conversion_recipe('azure_kinect', 'kinect_v2')
    assert recipe['spine_base'] == {'pelvis': 1}
    assert recipe['spine_mid'] == {'spine_navel': 1}
    assert recipe['spine_shoulder'] == {'left_shoulder': 0.5, 'right_shoulder': 0.5}
    assert recipe['left_hand_tip'] == {'left_hand_tip': 1}
    assert conversion_recipe('smpl24', 'azure_kinect')['left_clavicle'] == {'left_collar': 1}
    assert conversion_recipe('openpose25', 'halpe26')['mid_hip'] == {'mid_hip': 1}
    assert conversion_recipe('h36m17', 'kinect_v1')['shoulder_center'] == {'thorax': 1}
    own = get_layout('kinect_v1').to_dict()
    own['joints'] = ['torso' if j == 'spine' else j for j in own['joints']]
    own['bones'] = [['torso' if j == 'spine' else j for j in bone] for bone in own['bones']]
    own.update(name='own', spine=['hip_center', 'torso'])
    assert conversion_recipe(own, 'kinect_v2')['spine_mid'] == {'torso': 1}
    assert conversion_recipe('kinect_v2', own)['torso'] == {'spine_mid': 1}
    # A foot takes the ankle's place where there is none, at the end of the leg; never the reverse.
    assert conversion_recipe('h36m17', 'kinect_v1')['left_foot'] == {'left_ankle': 1}
    renamed = {'left_ankle': 'left_foot', 'right_ankle': 'right_foot'}
    feet = get_layout('h36m17').to_dict()
    feet['name'] = 'feet'
    feet['joints'] = [renamed.get(j, j) for j in feet['joints']]
    feet['bones'] = [[renamed.get(j, j) for j in bone] for bone in feet['bones']]
    feet['left_right'] = None
    ankle = conversion_recipe(feet, 'kinect_v1')['left_ankle']
    assert ankle == {'left_knee': 0.5, 'left_foot': 0.5}


def body(*more: str) -> dict:
    """A trunk, shoulders and a head; more joints as ``'joint-neighbour'``."""
    pairs = ['pelvis-neck', 'neck-head', 'left_shoulder-neck', 'right_shoulder-neck', *more]
    bones = [pair.split('-') for pair in pairs]
    joints = list(dict.fromkeys(joint for bone in bones for joint in bone))
    return dict(name='body', joints=joints, bones=bones, center='neck')


@pytest.mark.parametrize(
    ('name', 'meaning'),
    [
        *((name, 'spine_base') for name in ('hip_center', 'mid_hip', 'pelvis', 'hip', 'root')),
        *((name, 'spine_mid') for name in ('spine', 'torso', 'spine_navel')),
        *((name, 'spine_shoulder') for name in ('shoulder_center', 'thorax')),
    ],
)
def test_every_name_of_the_same_meaning(name, meaning):
    chain = ['head', meaning, 'left_hand', 'right_hand']
    target = dict(name='to', joints=chain, bones=list(itertools.pairwise(chain)), center='head')
    renamed = [name if joint == meaning else joint for joint in chain]
    source = dict(target, name='from', joints=renamed, bones=list(itertools.pairwise(renamed)))
    assert conversion_recipe(source, target)[meaning] == {name: 1}
    assert conversion_recipe(target, source)[name] == {meaning: 1}


def test_which_of_several_joints_is_taken():
    # Of two names of one meaning, the first joint.
    source = body('torso-pelvis', 'spine-torso')
    assert conversion_recipe(source, body('spine_mid-pelvis'))['spine_mid'] == {'torso': 1}
    # A neck between the shoulders is none where another joint is.
    source, target = body('thorax-neck'), body('spine_shoulder-neck')
    assert conversion_recipe(source, target)['spine_shoulder'] == {'thorax': 1}
    assert conversion_recipe(source, target)['neck'] == {'neck': 1}
    # A face goes with the head only where the source has none of it.
    source, target = body('nose-head'), body('left_eye-nose', 'right_eye-nose')
    target['joints'] = [joint for joint in target['joints'] if joint != 'head']
    target['bones'] = [['nose', 'neck'] if 'head' in bone else bone for bone in target['bones']]
    assert conversion_recipe(source, target)['left_eye'] == {'nose': 1}
    # Between two pairs is the middle of both.
    hips = ('left_hip-pelvis', 'right_hip-pelvis')
    middle = [f'{side}_{part}-belly' for part in ('hip', 'shoulder') for side in ('left', 'right')]
    target = dict(body(), bones=[['head', 'belly'], *(pair.split('-') for pair in middle)])
    joints = list(dict.fromkeys(joint for bone in target['bones'] for joint in bone))
    target.update(name='to', joints=joints, center='belly')
    assert conversion_recipe(body(*hips), target)['belly'] == {
        f'{side}_{part}': 0.25 for side in ('left', 'right') for part in ('hip', 'shoulder')
    }


def test_joints_in_a_row_divide_the_way_and_ends_stay():
    chain = ['head', 'a', 'b', 'c', 'hip_center', 'left_hip', 'left_knee', 'toe']
    bones = list(itertools.pairwise(chain))
    target = dict(name='chain', joints=chain, bones=bones, center='head', left_right=[])
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
    tolerance = 1e-10 if dtype == torch.float64 else 1e-6
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


def test_a_neck_that_only_one_shoulder_is_joined_to_is_a_neck():
    own = get_layout('kinect_v1').to_dict()
    own['name'] = 'own'
    own['joints'] = ['neck' if j == 'shoulder_center' else j for j in own['joints']]
    own['bones'] = [
        ['neck' if j == 'shoulder_center' else j for j in bone]
        for bone in own['bones']
        if set(bone) != {'shoulder_center', 'right_shoulder'}
    ]
    own['bones'].append(['head', 'right_shoulder'])
    own['center'] = 'neck'
    assert conversion_recipe(own, 'kinect_v2')['neck'] == {'neck': 1}
    assert conversion_recipe('kinect_v2', own)['neck'] == {'neck': 1}


def test_a_neck_between_the_shoulders_stays_a_neck_between_the_shoulders():
    for source, target in itertools.permutations(['openpose18', 'openpose25', 'halpe26'], 2):
        assert conversion_recipe(source, target)['neck'] == {'neck': 1}
    own = dict(get_layout('msr_action3d').to_dict(), name='own')
    assert conversion_recipe(own, 'msr_action3d')['neck'] == {'neck': 1}


def test_a_score_is_not_a_coordinate():
    """A joint that was not tracked, whatever its score says, does not draw a mean to the origin."""
    clips = random_clips((4,), layout='coco17', channels=3).coordinates
    layout = get_layout('coco17')
    shoulder, other = layout.index('left_shoulder'), layout.index('right_shoulder')
    clips[..., shoulder, :2] = 0
    clips[..., shoulder, 2] = 0.01
    neck = convert_joints(clips, layout, 'openpose18')[..., 1, :]
    assert torch.equal(neck[..., :2], clips[..., other, :2])
    assert torch.equal(neck[..., 2], clips[..., other, 2])


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
            r"'walker' has 7 of the 25 joints of 'kinect_v2'; .*lacks \['spine_m",
        ),
    ],
)
def test_what_cannot_be_converted(source, target, message):
    for convert in (conversion_matrix, conversion_recipe, describe_conversion):
        with pytest.raises(ValueError, match=message):
            convert(source, target)
    with pytest.raises(ValueError, match=message):
        convert_joints(random_clips(layout=source).coordinates, source, target)
