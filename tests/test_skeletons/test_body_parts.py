"""Trunk and limbs of all layouts."""

import pytest

from halp_mm.skeletons import LAYOUTS, SkeletonLayout, get_layout
from halp_mm.skeletons.body_parts import body_parts, distances_to, lower_end
from tests.helpers import reference


def named(layout: SkeletonLayout) -> dict[str, list[str]]:
    return {part: [layout.joints[j] for j in joints] for part, joints in body_parts(layout).items()}


def test_kinect_v2_has_the_groups_of_slim():
    """The release's groups, in its order, with the trunk from 1 2 21 3 4 on, counted from 1."""
    parts = body_parts(get_layout('kinect_v2'))
    groups = reference('slim_tube_masks_own_rendering')['group_of_joint'].tolist()
    for number, joints in enumerate(parts.values()):
        assert sorted(joints) == [j for j, group in enumerate(groups) if group == number]
    assert [j + 1 for j in parts['trunk']] == [1, 2, 21, 3, 4]
    assert [j + 1 for j in parts['left_arm']] == [5, 6, 7, 8, 22, 23]


@pytest.mark.parametrize('name', LAYOUTS)
def test_every_joint_has_one_part(name):
    layout = get_layout(name)
    parts = body_parts(layout)
    assert sorted(j for joints in parts.values() for j in joints) == list(range(layout.num_joints))
    left, right = (
        {j for part, joints in parts.items() if part.startswith(side) for j in joints}
        for side in ('left', 'right')
    )
    assert {layout.mirror[j] for j in left} == right


def test_joints_without_a_telling_name_belong_to_what_they_hang_on():
    parts = named(get_layout('blazepose33'))
    assert {'left_wrist', 'left_thumb', 'left_pinky', 'left_index'} < set(parts['left_arm'])
    assert {'right_hip', 'right_foot_index'} < set(parts['right_leg'])
    assert {'nose', 'left_ear', 'right_mouth'} < set(parts['trunk'])
    odd = SkeletonLayout('odd', ('a', 'b', 'c'), (('a', 'b'), ('b', 'c')), 'b')
    assert named(odd) == {'trunk': ['b', 'a', 'c']}


def test_distances_along_bones():
    layout = get_layout('kinect_v1')
    steps = distances_to(layout, lower_end(layout))
    found = {layout.joints[j]: steps[j] for j in range(layout.num_joints)}
    assert (found['hip_center'], found['head'], found['left_hand']) == (0, 3, 6)
