from importlib import import_module

import pytest

from mmss_plugins.checkpoints.spec.old_names import RENAMED

MODULES = ('mmss_plugins.checkpoints', 'mmss_plugins.checkpoints.spec.input_specification')


@pytest.mark.parametrize('module', MODULES)
@pytest.mark.parametrize(('old', 'new'), [*RENAMED.items()])
def test_an_old_name_gives_the_new_one_and_a_warning(module, old, new):
    module = import_module(module)
    with pytest.warns(DeprecationWarning, match=f'{old} is now {new}'):
        found = getattr(module, old)
    assert found is getattr(module, new)


@pytest.mark.parametrize('module', MODULES)
def test_an_unknown_name_stays_an_error(module):
    with pytest.raises(AttributeError, match="has no attribute 'Contract'"):
        import_module(module).Contract  # noqa: B018
