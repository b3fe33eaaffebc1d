import importlib
import sys

import pytest

from mmss_plugins.compat.moved import MOVED

WITHIN = ('mmss_plugins.models.functional.ramp', 'mmss_plugins.lmdb_tools.merge')


@pytest.mark.parametrize('old', [*MOVED, *WITHIN])
def test_the_old_name_gives_the_new_module(old, monkeypatch):
    for name in [name for name in sys.modules if name in MOVED or name in WITHIN]:
        monkeypatch.delitem(sys.modules, name)
    package = next(p for p in sorted(MOVED, reverse=True) if old == p or old.startswith(f'{p}.'))
    new = MOVED[package] + old[len(package) :]
    with pytest.warns(DeprecationWarning, match=f'{old} is now {new}'):
        found = importlib.import_module(old)
    assert found is importlib.import_module(new)
    assert found.__name__ == new


def test_names_that_the_documentation_gave():
    store = importlib.import_module(MOVED['mmss_plugins.datasets.lmdb_store'])
    named = {'ReadRequest', 'StoreError', 'StoreMeta', 'StoreReader', 'StoreWriter'}
    assert named <= set(dir(store))
