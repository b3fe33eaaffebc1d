"""mmcv without compiled operators, and with them."""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from mmss_plugins.compat import mmcv_operators as operators

pytestmark = pytest.mark.smoke  # the stacks differ here

needs_lite = pytest.mark.skipif(
    importlib.util.find_spec('mmcv._ext') is not None, reason='full mmcv is installed'
)


@needs_lite
def test_mmseg_imports_and_no_stub_is_left():
    import mmcv.ops  # noqa: F401
    import mmseg.models  # noqa: F401
    from mmengine.model.utils import mmcv_full_available

    assert operators.EXTENSION not in sys.modules
    assert not hasattr(sys.modules['mmcv'], '_ext')
    assert not mmcv_full_available()


@needs_lite
def test_calling_an_operator_is_refused():
    from mmcv.ops import sigmoid_focal_loss

    scores, target = torch.zeros(2, 3), torch.zeros(2, dtype=torch.long)
    with pytest.raises(NotImplementedError, match=r"'sigmoid_focal_loss_forward'.*full mmcv"):
        sigmoid_focal_loss(scores, target)


def test_stub_has_every_operator_but_no_special_names():
    stub = operators.stub_extension()
    assert hasattr(stub, 'any_operator_at_all')
    assert not hasattr(stub, '__path__')


def import_and_look(seen):
    return lambda module: seen.append((module, sys.modules.get(operators.EXTENSION)))


def test_imported_extension_stays(monkeypatch):
    full = ModuleType(operators.EXTENSION)
    monkeypatch.setitem(sys.modules, operators.EXTENSION, full)
    seen, module = [], ModuleType('ops')
    operators.import_with_stub(module, import_and_look(seen))
    assert seen == [(module, full)]
    assert sys.modules[operators.EXTENSION] is full


def test_installed_extension_is_left_to_be_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, operators.EXTENSION, raising=False)
    found = SimpleNamespace(find_spec=lambda _name: object())
    monkeypatch.setattr(operators, 'importlib', SimpleNamespace(util=found))
    seen, module = [], ModuleType('ops')
    operators.import_with_stub(module, import_and_look(seen))
    assert seen == [(module, None)]


@needs_lite
def test_stub_goes_when_the_import_fails():
    def fail(_module):
        assert operators.EXTENSION in sys.modules
        raise RuntimeError('broken')

    with pytest.raises(RuntimeError, match='broken'):
        operators.import_with_stub(ModuleType('ops'), fail)
    assert operators.EXTENSION not in sys.modules
