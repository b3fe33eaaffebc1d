"""The page on training lists every class that a config can name."""

from collections import defaultdict

from helpers.paths import ROOT
from mmengine.registry import Registry

from mmss_plugins import registry


def test_every_registered_class_is_listed():
    page = (ROOT / 'docs/training.md').read_text()
    names = defaultdict(set)  # a class can have several names
    for value in vars(registry).values():
        if isinstance(value, Registry):
            value.import_from_location()
            for name, registered in value.module_dict.items():
                names[registered].add(name)
    assert len(names) > 50
    missing = [of for of in names.values() if not any(f'`{name}`' in page for name in of)]
    assert missing == []
