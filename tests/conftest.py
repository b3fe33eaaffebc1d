"""What all tests need."""

import gc
import multiprocessing.util
import os
import shutil
import tempfile

import mmss_plugins  # noqa: F401  (makes the MM stack usable before a test imports it)

# isort: split
import pytest
from helpers.quick_configs import skip_formatting
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer


def pytest_configure(config):
    """Set up what is the same for all tests.

    Libraries leave things in the temporary folder, so that what the tests start has one of its own.
    """
    skip_formatting()
    elsewhere = tempfile.gettempdir()
    multiprocessing.util.get_temp_dir()  # removed at the very end, when the folder below is gone
    os.environ.setdefault('PYTEST_DEBUG_TEMPROOT', elsewhere)  # tmp_path stays where it is
    folder = tempfile.mkdtemp(prefix='mmss-tests-')
    os.environ['TMPDIR'] = tempfile.tempdir = folder

    def leave():
        os.environ['TMPDIR'] = tempfile.tempdir = elsewhere
        shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(leave)


def pytest_collection_finish():
    """Take what is imported by now out of the garbage collector's rounds.

    MMEngine's data sets ask for a whole round each; over the stack's objects that is a third of a
    second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope='module')
def _no_scope_left_behind():
    """Runs set MMEngine's default scope, where the next file's tests would look for classes."""
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture
def quick_runs(monkeypatch):
    """Runners do not look at the machine, and leave no scope to the next test."""
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture
def quick_epochs(quick_runs, monkeypatch):
    """As ``quick_runs``, and loops do not pause between epochs."""
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)
    yield
    Visualizer._instance_dict.clear()
