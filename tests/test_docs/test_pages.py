"""What the pages name is there: files, headings, configs, and options of tools."""

import re
import shlex
from pathlib import Path

import pytest
from helpers.paths import ROOT

PAGES = sorted([ROOT / 'README.md', *(ROOT / 'docs').rglob('*.md')])
CONFIGS = {path.name for path in (ROOT / 'configs').rglob('*.py')}
RUNNERS = ('tools/train.py', 'tools/test.py')


def anchors(page):
    """Names that links may give for its headings."""
    headings = re.findall(r'^#+ (.+)$', page.read_text(), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-') for text in headings}


def commands(page):
    """Every ``python tools/...`` command, split into words."""
    for block in re.findall(r'```bash\n(.*?)```', page.read_text(), re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            if line.startswith('python tools/'):
                yield shlex.split(line, comments=True)[1:]


def sources_of(tool):
    """The text that a tool's options come from; None for tools that are not looked into."""
    if tool in RUNNERS:
        files = [ROOT / tool, ROOT / 'mmss_plugins/apis/run_options.py']
    elif tool == 'tools/lmdb.py' or tool.startswith('tools/prepare/'):
        folders = ('prepare', 'store/tools', 'store/creation', 'download', 'cli', 'utils')
        files = [path for name in folders for path in (ROOT / 'mmss_plugins' / name).glob('*.py')]
        files.append(ROOT / tool)
    else:
        return None
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
        assert (ROOT / tool).is_file(), f'{page.name}: {tool}'
        if tool in RUNNERS and not words[0].startswith('my_'):
            assert Path(words[0]).name in CONFIGS, f'{page.name}: {words[0]}'
        sources = sources_of(tool)
        for word in words:
            if sources is not None and word.startswith('--'):
                name = word.partition('=')[0]
                assert f"'{name}'" in sources, f'{page.name}: {tool} {name}'


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
