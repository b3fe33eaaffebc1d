"""Runs a script in several processes of one gloo group, as a launcher does on a machine."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent

# A rank that hangs says where: all its threads' stacks, then it ends.
PREAMBLE = """\
import faulthandler
faulthandler.dump_traceback_later(200, exit=True)
import mmss_plugins
"""


def run_ranks(script, folder, processes=2):
    """Run Python text in ``processes`` fresh interpreters and wait.

    Each is started by torchrun, never forked: a fork of a process that has loaded the libraries
    can inherit a lock that nobody will open. The process group is open when ``script`` starts, and
    it can import the tests' own modules.

    Args:
        script: Python source; ``folder`` is its ``sys.argv[1]``.
        folder: Where the ranks read and write.
        processes: Number of ranks.
    """
    path = folder / 'rank.py'
    path.write_text(PREAMBLE + script)
    command = [
        sys.executable, '-m', 'torch.distributed.run', f'--nproc_per_node={processes}',
        '--standalone', str(path), str(folder),
    ]  # fmt: skip
    places = [str(TESTS.parent), str(TESTS), *filter(None, [os.environ.get('PYTHONPATH')])]
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(places)}
    run = subprocess.run(command, env=environment, timeout=240, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
