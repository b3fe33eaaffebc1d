"""Every registered class can be imported from the package of its kind."""

from importlib import import_module

import pytest
from mmengine.registry import Registry

from mmss_plugins import registry

PACKAGES = {
    'MODELS': 'mmss_plugins.models',
    'DATASETS': 'mmss_plugins.datasets',
    'TRANSFORMS': 'mmss_plugins.datasets.transforms',
    'METRICS': 'mmss_plugins.evaluation',
}
NAMES = [name for name, value in vars(registry).items() if isinstance(value, Registry)]


@pytest.mark.parametrize('name', NAMES)
def test_registered_classes_are_exported(name):
    ours = getattr(registry, name)
    ours.import_from_location()
    package = import_module(PACKAGES.get(name, 'mmss_plugins.engine'))
    for cls in ours.module_dict.values():
        kind = cls.__name__  # it may be registered under more names
        parents = cls.__module__.split('.')
        for depth in range(len(package.__name__.split('.')), len(parents)):
            place = import_module('.'.join(parents[:depth]))
            assert getattr(place, kind) is cls
            assert kind in place.__all__


def test_something_is_registered():
    assert len(registry.MODELS) > 10
    assert len(registry.HOOKS) > 10
