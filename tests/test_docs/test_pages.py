"""What the pages name exists: files, headings, configs, commands and their options."""

import contextlib
import io
import re
import shlex
import sys
from functools import cache
from pathlib import Path

import pytest
from helpers.paths import ROOT

import mmss_cli
from mmss_cli import COMMANDS

PAGES = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').rglob('*.md')])
CONFIGS = {path.name for path in (ROOT / 'configs').rglob('*.py')}
MIM_OPTIONS = {'--gpus', '--gpus-per-node', '--partition'}


def anchors(page):
    """Names that links may give for its headings."""
    headings = re.findall(r'^#+ (.+)$', page.read_text(), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-') for text in headings}


def command_lines(page):
    """The words of every command in the shell blocks of a page."""
    for block in re.findall(r'```bash\n(.*?)```', page.read_text(), re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            yield shlex.split(line, comments=True)


def mmss_commands(page):
    """The commands of a page that ``mmss`` runs, by itself or for ``mim``: name and arguments."""
    for words in command_lines(page):
        if words[:1] == ['mmss']:
            words = words[1:]
        elif words[:3] in (['mim', 'train', 'mmss_plugins'], ['mim', 'test', 'mmss_plugins']):
            words = [words[1], *words[3:]]
        else:
            continue
        length = 2 if words[0] == 'store' or isinstance(COMMANDS.get(words[0]), dict) else 1
        yield tuple(words[:length]), words[length:]


@cache
def help_of(path):
    """What ``mmss ... --help`` prints; it fails if there is no such command."""
    text, kept = io.StringIO(), sys.argv
    with contextlib.redirect_stdout(text):
        try:
            status = mmss_cli.main([*path, '--help'])
        except SystemExit as ended:
            status = ended.code
        finally:
            sys.argv = kept
    assert status == 0, ' '.join(path)
    return text.getvalue()


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
    for path, arguments in mmss_commands(page):
        config = Path(arguments[0]).name if arguments else ''
        if path in (('train',), ('test',)) and config != 'CONFIG' and not config.startswith('my_'):
            assert config in CONFIGS, f'{page.name}: {config}'
        options = {word.partition('=')[0] for word in arguments if word.startswith('--')}
        listed = set(re.findall(r'--[\w-]+', help_of(path)))
        assert options - MIM_OPTIONS <= listed, f'{page.name}: {path}'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_scripts_and_projects_are_there(page):
    for words in command_lines(page):
        if words[:2] == ['python', '-m'] and words[2].startswith('projects.'):
            name = ROOT / words[2].replace('.', '/')
            found = name.with_suffix('.py').is_file() or (name / '__main__.py').is_file()
            assert found, f'{page.name}: {words[2]}'
        for word in words:
            if re.fullmatch(r'tools/[\w/]+\.py', word):
                assert (ROOT / word).is_file(), f'{page.name}: {word}'


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
