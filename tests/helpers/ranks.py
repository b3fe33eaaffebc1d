"""Runs a script in several processes of one gloo group, as a launcher does on a machine."""

import os
import subprocess
import sys

from helpers.paths import TESTS
from helpers.warm_python import warm_python

# A rank that hangs says where: all its threads' stacks, then it ends.
PREAMBLE = """\
import faulthandler
faulthandler.dump_traceback_later(200, exit=True)
import mmss_plugins
"""

# Not the interpreter's own end. A DDP that outlives destroy_process_group() has the last reference
# to the group: freeing it waits for gloo's threads while it holds the interpreter's lock, for which
# one of them may wait to free a tensor.
ENDING = """
import os, sys
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)
"""


def run_ranks(script, folder, processes=2, fresh=False):
    """Run Python text in ``processes`` interpreters and wait.

    Each is started by torchrun and never a fork of the tests' process: that has threads, and a fork
    could inherit a lock that nobody will open. The process group is open when ``script`` starts,
    and it can import the tests' own modules.

    Args:
        script: Python source; ``folder`` is its ``sys.argv[1]``.
        folder: Where the ranks read and write.
        processes: Number of ranks.
        fresh: Start interpreters that have imported nothing yet.
    """
    path = folder / 'rank.py'
    path.write_text(PREAMBLE + script + ENDING)
    command = [
        warm_python(), '-m', 'torch.distributed.run', f'--nproc_per_node={processes}',
        '--standalone', str(path), str(folder),
    ]  # fmt: skip
    places = [str(TESTS.parent), str(TESTS), *filter(None, [os.environ.get('PYTHONPATH')])]
    environment = {
        **os.environ,
        'PYTHONPATH': os.pathsep.join(places),
        'PYTHON_EXEC': sys.executable if fresh else warm_python(),  # torchrun's own variable
    }
    run = subprocess.run(command, env=environment, timeout=240, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
