"""Joint layouts: the built-in ones and one's own."""

import json
import pickle
import time
from itertools import pairwise
from types import MappingProxyType

import pytest

from halp_mm.skeletons import LAYOUTS, SkeletonLayout, get_layout

# (joint, parent), counted from 1, as the papers on NTU RGB+D print them.
KINECT_V2_PARENTS = (
    '1-2 2-21 3-21 4-3 5-21 6-5 7-6 8-7 9-21 10-9 11-10 12-11 13-1 14-13 15-14 16-15 17-1 18-17 '
    '19-18 20-19 21-21 22-23 23-8 24-25 25-12'
)
MSR_BONES = (
    '20-3 1-3 2-3 1-8 8-10 10-12 2-9 9-11 11-13 3-4 4-7 7-5 7-6 5-14 14-16 16-18 6-15 15-17 17-19'
)


def from_one(pairs: str) -> list[tuple[int, int]]:
    """Pairs such as ``'1-2 2-21'``, counted from 0."""
    return [tuple(int(joint) - 1 for joint in pair.split('-')) for pair in pairs.split()]


def own_layout(**changes) -> dict:
    """A body of five joints."""
    return {
        'name': 'stick',
        'joints': ['belly', 'chest', 'left_hand', 'right_hand', 'tail'],
        'bones': [
            ['belly', 'chest'],
            ['left_hand', 'chest'],
            ['chest', 'right_hand'],
            ['tail', 'belly'],
        ],
        'center': 'chest',
        **changes,
    }


def test_kinect_v2_has_the_parents_of_the_papers():
    parents = get_layout('kinect_v2').parents
    assert list(enumerate(parents)) == from_one(KINECT_V2_PARENTS)


def test_msr_action3d_has_the_bones_of_the_data_set():
    bones = {frozenset(bone) for bone in get_layout('msr_action3d').bone_indices}
    expected = from_one(MSR_BONES)
    assert bones == {frozenset(bone) for bone in expected}
    assert len(expected) == 19


@pytest.mark.parametrize(
    ('name', 'joints', 'pairs', 'dimensions'),
    [
        ('kinect_v2', 25, 10, 3),
        ('kinect_v1', 20, 8, 3),
        ('msr_action3d', 20, 8, 3),
        ('coco17', 17, 8, 2),
        ('openpose18', 18, 8, 2),
        ('openpose25', 25, 11, 2),
        ('halpe26', 26, 11, 2),
        ('coco_wholebody133', 133, 61, 2),
        ('coco_wholebody65', 65, 32, 2),
        ('blazepose33', 33, 16, 3),
        ('hand21', 21, 0, 3),
        ('azure_kinect', 32, 13, 3),
        ('h36m17', 17, 6, 3),
        ('smpl24', 24, 9, 3),
        ('utd_mhad', 20, 8, 3),
    ],
)
def test_built_in_layout(name, joints, pairs, dimensions):
    layout = get_layout(name)
    assert layout.name == name
    assert layout.num_joints == joints
    assert layout.dimensions == dimensions
    assert len(layout.left_right) == pairs
    assert layout.parents[layout.index(layout.center)] == layout.index(layout.center)


# Joints by their place, counted from 0, as the makers' documentation numbers them.
PLACES = {
    'openpose18': '0 nose 1 neck 2 right_shoulder 3 right_elbow 4 right_wrist 5 left_shoulder '
    '7 left_wrist 8 right_hip 9 right_knee 10 right_ankle 11 left_hip 13 left_ankle 14 right_eye '
    '15 left_eye 16 right_ear 17 left_ear',
    'openpose25': '0 nose 1 neck 2 right_shoulder 4 right_wrist 7 left_wrist 8 mid_hip 9 right_hip '
    '11 right_ankle 14 left_ankle 15 right_eye 16 left_eye 17 right_ear 18 left_ear '
    '19 left_big_toe 20 left_small_toe 21 left_heel 22 right_big_toe 24 right_heel',
    'halpe26': '0 nose 1 left_eye 4 right_ear 5 left_shoulder 10 right_wrist 16 right_ankle '
    '17 head 18 neck 19 mid_hip 20 left_big_toe 21 right_big_toe 22 left_small_toe 24 left_heel '
    '25 right_heel',
    'coco_wholebody133': '0 nose 16 right_ankle 17 left_big_toe 18 left_small_toe 19 left_heel '
    '22 right_heel 23 right_jaw_1 31 chin 39 left_jaw_1 40 right_brow_1 49 left_brow_1 '
    '50 nose_bridge_1 53 nose_bridge_4 56 nose_base 59 right_eye_1 68 left_eye_1 71 right_lip_1 '
    '77 left_lip_1 74 upper_lip 80 lower_lip 85 upper_inner_lip 89 lower_inner_lip '
    '91 left_hand_root 92 left_thumb_1 95 left_thumb_4 96 left_forefinger_1 '
    '111 left_pinky_finger_4 112 right_hand_root 132 right_pinky_finger_4',
    'coco_wholebody65': '0 nose 22 right_heel 23 left_hand_root 44 right_hand_root '
    '64 right_pinky_finger_4',
    'blazepose33': '0 nose 1 left_eye_inner 4 right_eye_inner 6 right_eye_outer 7 left_ear '
    '9 left_mouth 10 right_mouth 11 left_shoulder 15 left_wrist 17 left_pinky 19 left_index '
    '21 left_thumb 22 right_thumb 23 left_hip 27 left_ankle 29 left_heel 31 left_foot_index '
    '32 right_foot_index',
    'hand21': '0 wrist 1 thumb_1 4 thumb_4 5 forefinger_1 9 middle_finger_1 13 ring_finger_1 '
    '17 pinky_finger_1 20 pinky_finger_4',
    'azure_kinect': '0 pelvis 1 spine_navel 2 spine_chest 3 neck 4 left_clavicle 7 left_wrist '
    '9 left_hand_tip 10 left_thumb 11 right_clavicle 17 right_thumb 18 left_hip 21 left_foot '
    '22 right_hip 25 right_foot 26 head 27 nose 28 left_eye 29 left_ear 30 right_eye 31 right_ear',
    'h36m17': '0 pelvis 1 right_hip 3 right_ankle 4 left_hip 6 left_ankle 7 spine 8 thorax 9 neck '
    '10 head 11 left_shoulder 13 left_wrist 14 right_shoulder 16 right_wrist',
    'smpl24': '0 pelvis 1 left_hip 2 right_hip 3 spine1 6 spine2 7 left_ankle 9 spine3 '
    '10 left_foot 12 neck 13 left_collar 15 head 16 left_shoulder 17 right_shoulder '
    '20 left_wrist 22 left_hand 23 right_hand',
    'utd_mhad': '0 head 1 shoulder_center 2 spine 3 hip_center 4 left_shoulder 7 left_hand '
    '8 right_shoulder 12 left_hip 15 left_foot 16 right_hip 19 right_foot',
}


#: Centre, lower and upper joint of the spine, right and left shoulder.
TRUNKS = {
    'kinect_v2': 'spine_shoulder spine_base spine_mid',
    'kinect_v1': 'shoulder_center hip_center spine',
    'msr_action3d': 'neck hip_center spine',
    'utd_mhad': 'shoulder_center hip_center spine',
    'azure_kinect': 'spine_chest pelvis spine_navel',
    'h36m17': 'thorax pelvis spine',
    'smpl24': 'spine3 pelvis spine1',
    'openpose25': 'neck mid_hip neck',
    'halpe26': 'neck mid_hip neck',
    'openpose18': 'neck',
    **dict.fromkeys(['coco17', 'coco_wholebody133', 'coco_wholebody65', 'blazepose33'], 'nose'),
}


def test_trunks_by_which_normalisations_turn_a_body():
    found = {
        name: ' '.join((layout.center, *(layout.spine or ()))) for name, layout in LAYOUTS.items()
    }
    assert found == {**TRUNKS, 'hand21': 'wrist wrist middle_finger_1'}
    shoulders = {layout.shoulders for name, layout in LAYOUTS.items() if name != 'hand21'}
    assert shoulders == {('right_shoulder', 'left_shoulder')}
    assert LAYOUTS['hand21'].shoulders == ('pinky_finger_1', 'forefinger_1')


def test_points_of_a_face_mirror_each_other_as_their_makers_say():
    pairs = [(i, 16 - i) for i in range(8)] + [(17 + i, 26 - i) for i in range(5)]
    pairs += [(31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    pairs += [(48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67)]
    mirror = get_layout('coco_wholebody133').mirror[23:91]
    expected = {i: i for i in range(68)} | {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    assert {i: image - 23 for i, image in enumerate(mirror)} == expected


@pytest.mark.parametrize('name', PLACES)
def test_joints_are_where_the_makers_say(name):
    words = PLACES[name].split()
    for place, joint in zip(words[::2], words[1::2]):
        assert get_layout(name).joints[int(place)] == joint


def test_azure_kinect_has_the_parents_of_the_sdk():
    parents = [-1, 0, 1, 2, 2, 4, 5, 6, 7, 8, 7, 2, 11, 12, 13, 14, 15, 14]
    parents += [0, 18, 19, 20, 0, 22, 23, 24, 3, 26, 26, 26, 26, 26]
    expected = {frozenset(pair) for pair in enumerate(parents) if pair[1] >= 0}
    bones = {frozenset(bone) for bone in get_layout('azure_kinect').bone_indices}
    assert bones == expected


def test_smpl_has_the_parents_of_the_body_model():
    parents = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
    expected = {frozenset(pair) for pair in enumerate(parents) if pair[1] >= 0}
    assert {frozenset(bone) for bone in get_layout('smpl24').bone_indices} == expected


@pytest.mark.parametrize(
    ('joints', 'message'),
    [
        (
            ['left_hand', 'right_hnd'],
            r"'left_hand' but no 'right_hand'; it has 'right_hnd', is",
        ),
        (['left_hand', 'rigth_hand'], r"'left_hand' but no 'right_hand'; it has 'rigth_hand', is"),
        (
            ['lft_hand', 'right_hand'],
            r"'right_hand' but no 'left_hand'; it has 'lft_hand', is",
        ),
        (['left_hand', 'fin'], r"'left_hand' but no 'right_hand'\. Name both .*or say by left_rig"),
    ],
)
def test_one_side_without_the_other(joints, message):
    changes = dict(
        joints=['belly', 'chest', *joints, 'tail'],
        bones=[['belly', 'chest'], ['tail', 'belly'], *([joint, 'chest'] for joint in joints)],
    )
    with pytest.raises(ValueError, match=message):
        get_layout(own_layout(**changes))
    assert get_layout(own_layout(**changes, left_right=[joints])).mirror == (0, 1, 3, 2, 4)
    assert get_layout(own_layout(**changes, left_right=[])).mirror == (0, 1, 2, 3, 4)


def chain_of(count: int) -> dict:
    joints = [f'joint{i}' for i in range(count)]
    return dict(name='chain', joints=joints, bones=list(pairwise(joints)), center='joint0')


def test_a_layout_of_many_joints_does_not_take_long():
    start = time.perf_counter()
    assert get_layout(chain_of(1000)).distances_to_center == tuple(range(1000))
    with pytest.raises(ValueError, match="'chain' has 100000 joints; expected at most 1000"):
        get_layout(chain_of(100_000))
    assert time.perf_counter() - start < 5


def test_all_built_in_layouts_are_tested():
    assert set(LAYOUTS) == {
        *('kinect_v2', 'kinect_v1', 'msr_action3d', 'coco17', 'openpose18'),
        *PLACES,
    }


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=LAYOUTS)
def test_mirror_is_an_involution_that_swaps_left_and_right(layout):
    for joint, image in enumerate(layout.mirror):
        name, other = layout.joints[joint], layout.joints[image]
        assert layout.mirror[image] == joint
        swapped = {'left': 'right', 'right': 'left'}
        side, _, part = name.partition('_')
        assert other == (f'{swapped[side]}_{part}' if side in swapped else name)


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=LAYOUTS)
def test_mirroring_keeps_the_bones(layout):
    bones = {frozenset(bone) for bone in layout.bone_indices}
    assert {frozenset(layout.mirror[joint] for joint in bone) for bone in bones} == bones


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=LAYOUTS)
def test_parents_are_one_bone_nearer_to_the_center(layout):
    bones = {frozenset(bone) for bone in layout.bone_indices}
    for joint, parent in enumerate(layout.parents):
        if joint != layout.index(layout.center):
            assert frozenset((joint, parent)) in bones
            distances = layout.distances_to_center
            assert distances[joint] == distances[parent] + 1


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=LAYOUTS)
def test_layout_survives_json_and_pickle(layout):
    assert SkeletonLayout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout
    assert pickle.loads(pickle.dumps(layout)) == layout


def test_own_layout_from_a_dict():
    layout = get_layout(own_layout())
    assert layout.parents == (1, 1, 1, 1, 0)
    assert layout.distances_to_center == (1, 0, 1, 1, 2)
    assert layout.bone_indices == ((0, 1), (2, 1), (1, 3), (4, 0))
    assert layout.left_right == (('left_hand', 'right_hand'),)
    assert layout.mirror == (0, 1, 3, 2, 4)
    assert (layout.spine, layout.shoulders, layout.dimensions) == (None, None, 3)
    assert get_layout(layout) is layout
    assert get_layout(MappingProxyType(own_layout())) == layout


def test_own_layout_may_say_what_mirrors_what():
    layout = get_layout(own_layout(left_right=[['tail', 'belly']], dimensions=2))
    assert layout.mirror == (4, 1, 2, 3, 0)
    assert layout.dimensions == 2


def test_own_layout_may_have_one_joint():
    layout = get_layout({'name': 'dot', 'joints': ['dot'], 'bones': [], 'center': 'dot'})
    assert layout.parents == (0,)


def test_unknown_layout_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'kinect_v3'.*'kinect_v1', 'kinect_v2'"):
        get_layout('kinect_v3')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'joints': ['belly', 'chest', 'tail', 'tail']}, r"more than once: \['tail'\]"),
        ({'center': 'nose'}, r"does not have: \['nose'\]"),
        ({'bones': [['belly', 'wing']]}, r"does not have: \['wing'\]"),
        ({'left_right': [['left_hand', 'fin']]}, r"does not have: \['fin'\]"),
        ({'spine': ['belly', 'horn']}, r"does not have: \['horn'\]"),
        ({'shoulders': ['paw', 'chest']}, r"does not have: \['paw'\]"),
        ({'dimensions': 4}, 'dimensions=4; expected 2 or 3'),
        ({'dimensions': 1}, 'dimensions=1; expected 2 or 3'),
        ({'bones': own_layout()['bones'][:3]}, r"from 'chest' to \['tail'\]"),
        ({'bones': [*own_layout()['bones'], ['tail', 'chest']]}, '5 bones for 5 joints'),
        ({'wheels': 4}, r"unknown: \['wheels'\]"),
    ],
)
def test_layout_that_contradicts_itself(changes, message):
    with pytest.raises(ValueError, match=message):
        get_layout(own_layout(**changes))


@pytest.mark.parametrize('field', ['name', 'joints', 'bones', 'center'])
def test_layout_lacks_a_field(field):
    description = own_layout()
    del description[field]
    with pytest.raises(ValueError, match=rf"missing: \['{field}'\], unknown: \[\]"):
        get_layout(description)
