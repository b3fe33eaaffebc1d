"""The import hook, on throw-away modules."""

import importlib
import sys

import pytest

from mmss_plugins.compat.import_hook import AroundImport


@pytest.fixture
def new_module(tmp_path, monkeypatch):
    """Writes a module that counts its executions in ``sys``-wide state; cleans up after it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    meta_path = list(sys.meta_path)
    names = []

    def write(name, text):
        names.append(name)
        (tmp_path / f'{name}.py').write_text(text)
        importlib.invalidate_caches()
        return name

    yield write
    sys.meta_path[:] = meta_path
    for name in names:
        sys.modules.pop(name, None)


def test_runs_around_the_first_import_and_withdraws(new_module):
    name = new_module('mmss_hooked_once', 'value = 1\n')
    before, seen = list(sys.meta_path), []

    def around(module, execute):
        seen.append(hasattr(module, 'value'))
        execute(module)
        seen.append(module.value)
        module.value = 2

    AroundImport(name, around).install()
    module = importlib.import_module(name)
    assert seen == [False, 1]
    assert module.value == 2
    assert sys.meta_path == before
    assert 'exec_module' not in vars(module.__spec__.loader)
    importlib.reload(module)
    assert seen == [False, 1]
    assert module.value == 1


def test_waits_again_after_a_failed_import(new_module):
    name = new_module('mmss_hooked_twice', 'value = 1\n')
    attempts = []

    def around(module, execute):
        attempts.append(name)
        if len(attempts) == 1:
            raise RuntimeError('first attempt')
        execute(module)

    AroundImport(name, around).install()
    with pytest.raises(RuntimeError, match='first attempt'):
        importlib.import_module(name)
    assert name not in sys.modules
    assert importlib.import_module(name).value == 1
    assert len(attempts) == 2


def test_only_looking_for_a_module_does_not_use_the_hook_up(new_module):
    name = new_module('mmss_hooked_looked_for', 'value = 1\n')
    seen = []

    def around(module, execute):
        seen.append(name)
        execute(module)

    AroundImport(name, around).install()
    assert importlib.util.find_spec(name) is not None
    assert seen == []
    importlib.import_module(name)
    assert seen == [name]


def test_leaves_an_imported_module_alone(new_module):
    name = new_module('mmss_hooked_late', 'value = 1\n')
    importlib.import_module(name)
    before = list(sys.meta_path)
    AroundImport(name, lambda *_: pytest.fail('it is imported already')).install()
    assert sys.meta_path == before


def test_absent_module_stays_absent(new_module):
    AroundImport('mmss_hooked_absent', lambda *_: pytest.fail('there is nothing')).install()
    with pytest.raises(ModuleNotFoundError, match='mmss_hooked_absent'):
        importlib.import_module('mmss_hooked_absent')
