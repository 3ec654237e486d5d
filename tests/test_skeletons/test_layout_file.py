"""Layouts by name or from a file."""

import json

import pytest

from halp_mm.skeletons import get_layout, read_layout
from tests.test_skeletons.test_layouts import own_layout


def test_names_and_files(tmp_path):
    assert read_layout('kinect_v1') is get_layout('kinect_v1')
    file = tmp_path / 'stick.json'
    file.write_text('\ufeff' + json.dumps(own_layout()), encoding='utf-8')
    assert read_layout(file) == get_layout(own_layout())
    file.write_text(json.dumps(get_layout('openpose18').to_dict()))
    assert read_layout(str(file)) == get_layout('openpose18')


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('', 'Expecting value'),
        ('{"name": ', 'Expecting value'),
        ('[' * 100_000, 'recursion'),
        ('"kinect_v2"', 'it is not a JSON object'),
        ('5', 'it is not a JSON object'),
        (json.dumps({'name': 'stick'}), "missing: .*'bones'"),
        (json.dumps(own_layout(joints=5)), 'not iterable'),
        (json.dumps(own_layout(joints=[1, 2])), 'int'),
        (json.dumps(own_layout(bones=[['belly']])), 'not enough values'),
        (json.dumps(own_layout(center='knee')), "joints that it does not have: .'knee'"),
        (b'\xff\xfe{\x00}\x00', 'codec can.t decode'),
    ],
)
def test_files_that_are_no_layout(tmp_path, text, reason):
    file = tmp_path / 'own.json'
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=f'(?s)own.json does not describe .*{reason}') as caught:
        read_layout(file)
    assert 'Expected a JSON object with name, joints, bones and center' in str(caught.value)


def test_neither_a_name_nor_a_file(tmp_path):
    with pytest.raises(
        ValueError, match=r"unknown skeleton layout 'kinect'; .* give a file \.json"
    ):
        read_layout('kinect')
    with pytest.raises(FileNotFoundError, match=r'there is no layout file .*own\.json; expected'):
        read_layout(tmp_path / 'own.json')
