"""The interpreter that the Makefile chooses, and what it says when there is none."""

import os
import shutil
import subprocess
import sys

import pytest
from helpers.paths import ROOT

NAMES = ('python3.11', 'python3.12', 'python3.13', 'python3.10', 'python3', 'python')

pytestmark = pytest.mark.skipif(
    shutil.which('make') is None or not (ROOT / 'Makefile').is_file(), reason='needs make'
)


def stand_in(path, version):
    """An interpreter that says it is of a version; with None, one that does not work."""
    if version is None:
        path.write_text('#!/bin/sh\nexit 127\n')
    else:
        code = f'import sys; sys.version_info = {version}; exec(sys.argv[1])'
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$2"\n')
    path.chmod(0o755)


@pytest.fixture
def make(tmp_path, monkeypatch):
    for name in ('Makefile', 'setup.cfg', 'pyproject.toml', 'constraints', 'build_backend'):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    programs = tmp_path / 'programs'
    programs.mkdir()
    monkeypatch.setenv('PATH', f'{programs}:{os.environ["PATH"]}')
    monkeypatch.delenv('PYTHON', raising=False)
    monkeypatch.delenv('MAKEFLAGS', raising=False)

    def run(*arguments, **versions):
        for name in NAMES:
            stand_in(programs / name, versions.get(name.replace('.', '_')))
        return subprocess.run(
            ['make', *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

    return run


def test_a_version_that_the_packages_support_is_chosen(make):
    show = ('-s', '--eval', 'show: ; @echo "<$(PYTHON)>"', 'show')
    versions = {'python3': (3, 14, 1), 'python': (3, 10, 9)}
    assert make(*show, **versions).stdout.strip() == '<python>'
    versions['python3'] = (3, 13, 0)
    assert make(*show, **versions).stdout.strip() == '<python3>'
    versions['python3_10'] = (3, 10, 2)
    assert make(*show, **versions).stdout.strip() == '<python3.10>'
    versions['python3_12'] = (3, 12, 1)
    assert make(*show, **versions).stdout.strip() == '<python3.12>'
    versions['python3_11'] = (3, 11, 0)
    assert make(*show, **versions).stdout.strip() == '<python3.11>'
    assert make(*show, python3=(3, 14, 1), python=(3, 9, 1)).stdout.strip() == '<>'


@pytest.mark.parametrize(
    ('arguments', 'found'), [((), 'none found'), (('PYTHON=python3',), 'python3')]
)
def test_without_one_the_need_is_named(make, tmp_path, arguments, found):
    run = make('env', *arguments, python3=(3, 14, 1))
    assert run.returncode != 0
    assert f'no usable Python ({found})' in run.stderr
    assert '3.10 to 3.13' in run.stderr
    assert 'make PYTHON=' in run.stderr
    assert not (tmp_path / '.venv').exists()
