"""What all tests need."""

import gc
import multiprocessing.util
import os
import shutil
import tempfile

import mmss_plugins  # noqa: F401  (makes the MM stack usable before a test imports it)

# isort: split
import pytest
from mmengine.registry import DefaultScope
from quick_configs import skip_formatting


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
