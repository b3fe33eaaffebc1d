"""Checks of the paths that a command line gives."""

import os

import pytest

from mmss_plugins.cli.usage import UsageError, require_file, require_folder


@pytest.fixture
def config_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'some_run.py').touch()


def test_missing_checkpoint_is_named(config_file):
    with pytest.raises(UsageError, match=r"checkpoint 'x\.pth' is not a file"):
        require_file('x.pth', 'checkpoint')
    assert require_file('https://example.org/x.pth', 'checkpoint').endswith('x.pth')


def test_a_folder_that_cannot_be_is_named(config_file, tmp_path, monkeypatch):
    require_folder('new/deep', '--out')
    assert (tmp_path / 'new/deep').is_dir()
    for path in ('some_run.py', 'some_run.py/deep'):
        with pytest.raises(UsageError, match=f"--out '{path}': cannot make this folder"):
            require_folder(path, '--out')
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    with pytest.raises(UsageError, match="--out 'new': no permission"):
        require_folder('new', '--out')
