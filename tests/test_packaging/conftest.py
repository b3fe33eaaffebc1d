"""The wheel and the editable wheel, built once, and both laid out as installed."""

import shutil
from pathlib import Path

import pytest
from helpers.installed_package import ROOT, build, installed


@pytest.fixture(scope='session')
def checkout(tmp_path_factory):
    """A copy of the checkout, because building leaves files behind."""
    copy = tmp_path_factory.mktemp('source') / 'checkout with blank'
    unwanted = ('.*', 'data', 'work_dirs', 'demo_output', 'build', 'dist', '*.egg-info', 'tests')
    ignore = shutil.ignore_patterns(*unwanted, '__pycache__')

    def skip(folder, names):
        return set() if Path(folder).name == '.mim' else ignore(folder, names) - {'.mim'}

    shutil.copytree(ROOT, copy, symlinks=True, ignore=skip)
    return copy


@pytest.fixture(scope='session')
def wheel(checkout, tmp_path_factory):
    return build('wheel', checkout, tmp_path_factory.mktemp('wheel'))


@pytest.fixture(scope='session')
def editable(checkout, tmp_path_factory):
    return build('editable', checkout, tmp_path_factory.mktemp('editable'))


@pytest.fixture(scope='session')
def wheel_site(wheel, tmp_path_factory):
    return installed(wheel, tmp_path_factory.mktemp('site'))


@pytest.fixture(scope='session')
def editable_site(editable, tmp_path_factory):
    return installed(editable, tmp_path_factory.mktemp('site'))
