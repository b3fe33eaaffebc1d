"""An interpreter that has imported the stack already, for tests that run many commands.

A fresh one needs seconds of the processor for that, each time. ``warm_python()`` stands for
``sys.executable``: same arguments, output, exit code and environment, and it can be killed. It asks
a server (warm_server.py), which runs the command in a fork of itself. The package's own modules are
imported anew there; MMEngine's texts of configs are those of quick_configs.py. What a command has
to do in a really fresh interpreter (make the stack usable before it imports it, say) needs a test
with ``sys.executable``.
"""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HELPERS = Path(__file__).resolve().parent


@functools.cache
def warm_python():
    """Path of the program; ``sys.executable`` itself where there are no pidfds (not on Linux)."""
    if not hasattr(os, 'pidfd_open'):
        return sys.executable
    folder = Path(tempfile.mkdtemp(prefix='mmss-warm-'))  # nobody else may enter it
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = folder / 'python'
    program.write_text(f'#!{sys.executable} -IS\n{(HELPERS / "warm_client.py").read_text()}')
    program.chmod(0o700)
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    # Whether there is a GPU is asked without opening it, which a fork could not use.
    environment['PYTORCH_NVML_BASED_CUDA_CHECK'] = '1'
    # The server ends when this process does, in whatever way: its standard input ends then.
    server = subprocess.Popen(
        [sys.executable, str(HELPERS / 'warm_server.py'), str(program)],
        env=environment, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    atexit.register(_end, server)
    assert server.stdout.readline() == b'listening\n'
    return str(program)


def _end(server):
    server.stdin.close()
    server.wait()
