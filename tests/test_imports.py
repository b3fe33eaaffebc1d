"""Imports: no cycles, only from lower layers; and the length of modules."""

import ast
import re
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


def layers():
    """Packages and modules below ``mmss_plugins``, from the bottom to the top, as the docs say."""
    text = (ROOT / 'docs' / 'architecture.md').read_text()
    table = text[text.index('from the bottom to the top') :]
    rows = re.findall(r'^\| (`[^|]+) \|', table[: table.index('\n\nThe module')], re.MULTILINE)
    return [re.findall(r'`([a-z_.]+)`', row) for row in rows]


def imported_anywhere(path):
    """Dotted names that a module imports, also those that it imports when it is used."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def test_imports_go_downwards():
    rank = {name: number for number, row in enumerate(layers()) for name in row if '.' not in name}
    known = {name.split('.')[1] for name in modules() if name.startswith('mmss_plugins.')}
    assert known - {'__main__', 'version'} == set(rank), 'docs/architecture.md lists every package'
    wrong = []
    for name, path in modules().items():
        top, _, rest = name.partition('.')
        room = rest.partition('.')[0]
        if top != 'mmss_plugins' or room not in rank:
            continue
        for target in imported_anywhere(path):
            parts = target.split('.')
            other = parts[1] if parts[0] == 'mmss_plugins' and len(parts) > 1 else None
            if other in rank and other != room and rank[other] > rank[room]:
                wrong.append(f'{name} imports {target}')
    assert not wrong


def test_modules_are_short():
    lengths = sorted(
        len(path.read_text().splitlines())
        for name, path in modules().items()
        if name.startswith('mmss_plugins')
    )
    assert lengths[-1] <= 300
    assert lengths[len(lengths) // 2] <= 120
