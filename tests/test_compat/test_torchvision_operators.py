"""A torchvision that does not fit torch, and one that does."""

import os
import subprocess
import sys
from types import ModuleType

import pytest
import torch
from helpers.paths import ROOT

from mmss_plugins.compat.torchvision_operators import import_with_schemas

pytestmark = pytest.mark.smoke  # the stacks differ here


class FakeVision:
    """Executes like a package whose first execution fails half-way, with a submodule imported."""

    def __init__(self, error):
        self.error, self.executions, self.leftovers = error, 0, []

    def execute(self, module):
        self.executions += 1
        self.leftovers.append('fake_vision.ops' in sys.modules)
        sys.modules['fake_vision.ops'] = ModuleType('fake_vision.ops')
        if self.executions == 1 and self.error is not None:
            raise self.error
        module.ready = True


@pytest.fixture
def module():
    module = ModuleType('fake_vision')
    yield module
    sys.modules.pop('fake_vision.ops', None)


def declare_and_import_again():
    """The operators are torchvision's own, so this needs a process that does not import it."""
    module, vision = (
        ModuleType('fake_vision'),
        FakeVision(RuntimeError('operator torchvision::nms does not exist')),
    )
    import_with_schemas(module, vision.execute)
    assert module.ready
    assert vision.leftovers == [False, False]  # the second execution starts afresh
    torch.ops.torchvision.nms  # noqa: B018 (there now, or an AttributeError)
    with pytest.raises(NotImplementedError):
        torch.ops.torchvision.qnms(torch.zeros(1, 4), torch.zeros(1), 0.5)


def test_missing_operators_are_declared_and_the_import_repeated():
    """A compiled part that loaded after the declaration would abort the whole process."""
    code = f'import {__name__} as tests; tests.declare_and_import_again()'
    path = os.pathsep.join(map(str, (ROOT, ROOT / 'tests', ROOT / 'tests/test_compat')))
    env = {**os.environ, 'PYTHONPATH': path}
    run = subprocess.run([sys.executable, '-c', code], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_fitting_torchvision_is_executed_once(module):
    vision = FakeVision(None)
    import_with_schemas(module, vision.execute)
    assert vision.executions == 1


@pytest.mark.parametrize('error', [RuntimeError('something else'), ImportError('no PIL')])
def test_other_failures_are_the_users_to_see(module, error):
    vision = FakeVision(error)
    with pytest.raises(type(error), match=str(error)):
        import_with_schemas(module, vision.execute)
    assert vision.executions == 1
    assert 'fake_vision.ops' in sys.modules


def test_installed_torchvision_imports():
    pytest.importorskip('torchvision')
    from torchvision.transforms import functional

    assert functional.hflip(torch.tensor([[[1, 2]]])).tolist() == [[[2, 1]]]
