"""Importing the package: what it needs, what it leaves alone."""

import json
import subprocess
import sys

import pytest

from mmss_plugins import compat

pytestmark = pytest.mark.smoke  # the stacks differ here

PROBE = """
import json, sys
import mmss_plugins
heavy = ('torchvision', 'mmcv.ops', 'mmseg', 'mmpretrain', 'mmengine.runner', 'matplotlib')
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def test_import_brings_in_nothing_heavy():
    out = subprocess.run(
        [sys.executable, '-c', PROBE], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(out) == []


@pytest.mark.parametrize('name', ['mmengine', 'mmcv', 'mmseg'])
def test_missing_mm_package_names_the_extras(name):
    code = f'import sys; sys.modules[{name!r}] = None; import mmss_plugins'
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith(f'ImportError: mmss_plugins needs {name}, ')
    assert 'pip install "mmss_plugins[openmmlab]"' in last
    assert '"mmss_plugins[onedl]"' in last


def test_setup_again_does_nothing(monkeypatch):
    monkeypatch.setattr(compat, 'require_mm_stack', lambda: pytest.fail('set up twice'))
    before = list(sys.meta_path)
    compat.setup()
    assert sys.meta_path == before
