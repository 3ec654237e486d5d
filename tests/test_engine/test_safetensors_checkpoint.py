"""Checkpoints as safetensors files."""

import pytest
import torch
from safetensors.torch import save_file

from halp_mm.engine.checkpoint_file import read_checkpoint_file
from halp_mm.engine.safetensors_checkpoint import write_safetensors_checkpoint

CHECKPOINT = {
    'meta': {'epoch': 3, 'names': ['a', 'ü']},
    'state_dict': {'w': torch.arange(6.0).view(2, 3).mT, 'n': torch.tensor(2)},
}


@pytest.fixture
def path(tmp_path):
    write_safetensors_checkpoint(CHECKPOINT, tmp_path / 'model.safetensors')
    return tmp_path / 'model.safetensors'


def test_what_is_written_is_read(path):
    found = read_checkpoint_file(path)
    assert found['meta'] == CHECKPOINT['meta']
    assert found['state_dict'].keys() == CHECKPOINT['state_dict'].keys()
    for name, value in CHECKPOINT['state_dict'].items():
        assert torch.equal(found['state_dict'][name], value)


def test_meta_alone(path):
    assert read_checkpoint_file(path, only_meta=True) == {
        'meta': CHECKPOINT['meta'],
        'state_dict': {},
    }


def test_weights_of_others_have_no_meta(tmp_path):
    save_file({'w': torch.ones(2)}, tmp_path / 'other.safetensors')
    found = read_checkpoint_file(tmp_path / 'other.safetensors')
    assert found['meta'] == {}
    assert torch.equal(found['state_dict']['w'], torch.ones(2))


@pytest.mark.parametrize('keep', [4, 60, -3])
def test_damaged_files_are_refused(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r'model\.safetensors cannot be read as a checkpoint'):
        read_checkpoint_file(path)


def test_headers_that_are_no_json_are_refused(tmp_path):
    save_file({'w': torch.ones(2)}, tmp_path / 'bad.safetensors', {'halp_mm': '{'})
    with pytest.raises(ValueError, match=r'bad\.safetensors cannot be read as a checkpoint'):
        read_checkpoint_file(tmp_path / 'bad.safetensors')
