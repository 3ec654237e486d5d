"""Joint layouts: the built-in ones and one's own."""

import json
import pickle

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
    ],
)
def test_built_in_layout(name, joints, pairs, dimensions):
    layout = get_layout(name)
    assert layout.name == name
    assert layout.num_joints == joints
    assert layout.dimensions == dimensions
    assert len(layout.left_right) == pairs
    assert layout.parents[layout.index(layout.center)] == layout.index(layout.center)


def test_all_built_in_layouts_are_tested():
    assert set(LAYOUTS) == {'kinect_v2', 'kinect_v1', 'msr_action3d', 'coco17', 'openpose18'}


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


def test_own_layout_may_say_what_mirrors_what():
    layout = get_layout(own_layout(left_right=[['tail', 'belly']], dimensions=2))
    assert layout.mirror == (4, 1, 2, 3, 0)
    assert layout.dimensions == 2


def test_own_layout_may_have_one_joint():
    layout = get_layout({'name': 'dot', 'joints': ['dot'], 'bones': [], 'center': 'dot'})
    assert layout.parents == (0,)


def test_unknown_layout_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'kinect_v3'.*'coco17', 'kinect_v1', 'kinect_v2'"):
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
