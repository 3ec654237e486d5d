"""Configs that come with the package, from any folder."""

import pytest
from mmengine.config import Config

from halp_mm.apis import load_config
from halp_mm.apis.packaged_configs import config_path
from tests.runs import CONFIG, ROOT


def test_the_package_has_configs_and_tools():
    """As links in a checkout; a wheel has the files."""
    for folder in ('configs', 'tools'):
        assert (ROOT / 'halp_mm' / '.mim' / folder).resolve() == ROOT / folder


def test_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = 'halp_mm::halp/bigru_synthetic_xsub.py'
    assert config_path(name) == CONFIG
    assert load_config(name).to_dict() == load_config(CONFIG).to_dict()
    with pytest.raises(FileNotFoundError, match=r'there is no config halp_mm::halp/none\.py'):
        load_config('halp_mm::halp/none.py')


def test_as_a_base(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / 'own.py'
    own.write_text("_base_ = 'halp_mm::halp/bigru_synthetic_xsub.py'\nmodel = dict(momentum=0.5)\n")
    expected = load_config(CONFIG, {'model.momentum': 0.5})
    assert load_config(own).to_dict() == expected.to_dict()
    assert Config.fromfile(own).to_dict() == expected.to_dict()
    own.write_text("_base_ = 'halp_mm::halp/none.py'\n")
    with pytest.raises(FileNotFoundError, match=r'halp.none\.py'):
        load_config(own)


def test_other_packages_are_mmengines_matter(tmp_path):
    load_config(CONFIG)
    own = tmp_path / 'own.py'
    own.write_text("_base_ = 'mmnothing::halp/none.py'\n")
    with pytest.raises(AssertionError, match='does not support to load mmnothing'):
        Config.fromfile(own)
