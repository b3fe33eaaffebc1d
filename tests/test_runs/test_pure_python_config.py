"""The lines that docs/training.md gives for pure-Python configs import the package at once."""

import sys

from mmengine.config import Config

TEXT = """
from mmengine.hooks import LoggerHook

__import__('a_module_of_mine')
custom_imports = dict(imports=['a_module_of_mine'], allow_failed_imports=False)
hook = dict(type=LoggerHook, interval=1)
"""


def test_the_package_is_imported_with_the_config_and_with_its_dump(tmp_path, monkeypatch):
    (tmp_path / 'a_module_of_mine.py').write_text('')
    (tmp_path / 'pure.py').write_text(TEXT)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ('pure.py', 'dumped.py'):
        monkeypatch.delitem(sys.modules, 'a_module_of_mine', raising=False)
        config = Config.fromfile(tmp_path / name)
        assert 'a_module_of_mine' in sys.modules
        config.dump(tmp_path / 'dumped.py')
    assert config.hook.type == 'mmengine.hooks.LoggerHook'
