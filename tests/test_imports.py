"""No module imports itself by a way round: each can be the first that is imported."""

import ast
from graphlib import CycleError, TopologicalSorter

from helpers.paths import ROOT


def modules():
    """Path of each module of the package and of the projects, by its dotted name."""
    found = {}
    for top in ('mmss_plugins', 'projects'):
        for path in (ROOT / top).rglob('*.py'):
            name = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
            found[name.removesuffix('.__init__')] = path
    return found


def imported(path):
    """Dotted names that a module imports when it is itself imported, not later."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def with_packages(name):
    """A dotted name and the packages that are imported before it."""
    while name:
        yield name
        name = name.rpartition('.')[0]


def import_graph(known):
    """The modules that each module imports, without itself and the packages that it is in."""
    return {
        name: {
            found
            for target in imported(path)
            for found in with_packages(target)
            if found in known and found not in with_packages(name)
        }
        for name, path in known.items()
    }


def test_no_cycle_of_imports():
    graph = import_graph(modules())
    assert 'mmss_plugins.utils.atomic_files' in graph['mmss_plugins.store.creation.summary']
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(' -> '.join(reversed(error.args[1]))) from error
