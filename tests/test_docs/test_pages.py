"""What the pages name is there: files, headings, configs, and options of tools."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from helpers.paths import ROOT

PAGES = sorted([ROOT / 'README.md', *(ROOT / 'docs').rglob('*.md')])
CONFIGS = {path.name for path in (ROOT / 'configs').rglob('*.py')}
RUNNERS = ('tools/train.py', 'tools/test.py')
MIM_OPTIONS = {'--gpus', '--gpus-per-node', '--partition'}
GROUPS = {
    'prepare': 'tools/prepare/{}.py',
    'convert': 'tools/convert/{}.py',
    'download': 'tools/prepare/download_{}.py',
    'store': 'tools/lmdb.py',
}
ALONE = {'table': 'tools/analysis/table.py', 'label-noise': 'tools/analysis/label_noise.py'}


def anchors(page):
    """Names that links may give for its headings."""
    headings = re.findall(r'^#+ (.+)$', page.read_text(), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-') for text in headings}


def commands(page):
    """Every command of ours, as the tool it runs and the words after it.

    The tool of ``mmss prepare dfc2020`` is ``tools/prepare/dfc2020.py``, that of
    ``python -m projects.demo`` is ``projects/demo``.
    """
    for block in re.findall(r'```bash\n(.*?)```', page.read_text(), re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ['python'] and words[1].startswith('tools/'):
                yield words[1:]
            elif words[:2] == ['python', '-m'] and words[2].startswith('projects.'):
                yield [words[2].replace('.', '/'), *words[3:]]
            elif words[:1] == ['mmss']:
                yield script(*words[1:])
            elif words[:3] in (['mim', 'train', 'mmss_plugins'], ['mim', 'test', 'mmss_plugins']):
                yield script(words[1], *words[3:])


def script(command, *words):
    """The file that ``mmss command`` runs, and the words after it."""
    if command in GROUPS:
        return [GROUPS[command].format(words[0].replace('-', '_')), *words[1:]]
    return [ALONE.get(command, f'tools/{command}.py'), *words]


@cache
def package_sources():
    """The text of all modules of the package and its tools."""
    files = [path for name in ('mmss_plugins', 'tools') for path in (ROOT / name).rglob('*.py')]
    return '\n'.join(path.read_text() for path in files)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r'\]\(([^)\s]+)\)', page.read_text()):
        if re.match(r'\w+:', target):
            continue
        name, _, anchor = target.partition('#')
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f'{page.name}: {target}'
        assert not anchor or anchor in anchors(there), f'{page.name}: {target}'


def test_every_data_set_page_is_listed():
    overview = (ROOT / 'docs/data.md').read_text()
    pages = sorted((ROOT / 'docs/datasets').glob('*.md'))
    assert len(pages) >= 5
    assert [page.name for page in pages if f'(datasets/{page.name})' not in overview] == []


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_commands_name_what_there_is(page):
    for tool, *words in commands(page):
        if tool.startswith('projects/'):
            there = (ROOT / f'{tool}.py').is_file() or (ROOT / tool / '__main__.py').is_file()
            assert there, f'{page.name}: {tool}'
            continue
        assert (ROOT / tool).is_file(), f'{page.name}: {tool}'
        config = Path(words[0]).name
        if tool in RUNNERS and config != 'CONFIG' and not config.startswith('my_'):
            assert config in CONFIGS, f'{page.name}: {words[0]}'
        options = {word.partition('=')[0] for word in words if word.startswith('--')}
        for name in options - MIM_OPTIONS:
            assert f"'{name}'" in package_sources(), f'{page.name}: {tool} {name}'


def test_configs_of_the_data_set_pages():
    """Names in prose, such as ``{a,b}_x.py`` and ``..._x.py``, match configs."""
    for page in (ROOT / 'docs/datasets').glob('*.md'):
        text = re.sub(r'```.*?```', '', page.read_text(), flags=re.DOTALL)
        for name in re.findall(r'`([\w{},.*-]+_[\w{},.*-]+\.py)`', text):
            if '/' in name or name.startswith('my_') or (ROOT / 'tools/prepare' / name).exists():
                continue
            pattern = re.escape(name).replace(r'\.\.\.', '.*').replace(r'\*', '.*')
            pattern = re.sub(r'\\\{(.*?)\\\}', lambda m: f'({m[1].replace(",", "|")})', pattern)
            found = {path for path in CONFIGS if re.fullmatch(pattern, path)}
            wanted = 1
            for choice in re.findall(r'\{(.*?)\}', name):
                wanted *= choice.count(',') + 1
            assert len(found) >= wanted, f'{page.name}: {name}: {sorted(found)}'
