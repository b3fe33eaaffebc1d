"""The stand-in for a fresh interpreter behaves like one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.paths import ROOT
from helpers.warm_python import warm_python

SCRIPT = """
import os, sys
fresh = 'mmss_plugins' not in sys.modules
import mmss_plugins
print(fresh, __name__, sys.argv[1:], os.getcwd(), os.environ.get('COLOUR'), sys.stdin.read())
print(mmss_plugins.__file__, sys.path[0], file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize('code', ['0', '3'])
def test_same_answers_as_a_fresh_one(tmp_path, code):
    script = tmp_path / 'folder' / 'script.py'
    script.parent.mkdir()
    script.write_text(SCRIPT)
    env = {**os.environ, 'COLOUR': 'green', 'PYTHONPATH': str(ROOT)}
    runs = [
        subprocess.run(
            [python, str(script), code], cwd=tmp_path, env=env, input='said',
            capture_output=True, text=True, timeout=240,
        )
        for python in (sys.executable, warm_python())
    ]  # fmt: skip
    fresh, warm = ((run.returncode, run.stdout, run.stderr) for run in runs)
    assert fresh == warm
    assert warm[:2] == (int(code), f"True __main__ ['{code}'] {tmp_path} green said\n")


def test_modules_and_code(tmp_path):
    (tmp_path / 'some.py').write_text('import sys; print(__name__, sys.argv[1:])')
    for arguments in (['-m', 'some', 'x'], ['-c', 'import some']):
        runs = [
            subprocess.run([python, *arguments], cwd=tmp_path, capture_output=True, timeout=240)
            for python in (sys.executable, warm_python())
        ]
        assert runs[0].stdout == runs[1].stdout != b''


def test_killing_it_ends_what_it_runs(tmp_path):
    script = tmp_path / 'script.py'
    script.write_text('import os, time; print(os.getpid(), flush=True); time.sleep(600)')
    with subprocess.Popen([warm_python(), str(script)], stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())
        process.kill()
    assert process.returncode == -signal.SIGKILL
    for _ in range(20_000):
        if not Path(f'/proc/{pid}').exists():
            break
        time.sleep(0.001)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_signal_is_passed_on(tmp_path):
    script = tmp_path / 'script.py'
    script.write_text('import os, signal; os.kill(os.getpid(), signal.SIGTERM)')
    assert subprocess.run([warm_python(), str(script)]).returncode == -signal.SIGTERM
