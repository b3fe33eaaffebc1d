"""Runs commands in forks of a process that has imported the stack; see warm_python.py.

Only a process of one thread is forked, so that no lock can be left closed in the child; with more
threads, each command gets a fresh interpreter.
"""

import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import warnings
from pathlib import Path

PYTHON = sys.executable
STACK = (
    'cv2', 'lmdb', 'numpy', 'PIL.Image', 'scipy.optimize', 'torch', 'torchvision', 'rasterio',
    'matplotlib.figure', 'matplotlib.backends.backend_agg', 'multiprocessing.spawn',
    'torch.distributed.run', 'torch.utils.data', 'mmengine.runner', 'mmcv', 'mmseg.apis',
    'mmseg.datasets', 'mmseg.evaluation', 'mmseg.models', 'mmseg.visualization',
    'mmpretrain.models',
)  # fmt: skip


def import_stack():
    tests = Path(__file__).resolve().parents[1]
    sys.path[0] = str(tests)
    root = str(tests.parent)
    sys.path.insert(0, root)
    warnings.simplefilter('ignore')
    importlib.import_module('mmss_plugins')
    for name in STACK:
        try:
            importlib.import_module(name)
        except ImportError:  # not installed: whoever needs it says so
            continue
    importlib.import_module('helpers.quick_configs').skip_formatting()
    for name in [*sys.modules]:
        if name.partition('.')[0] == 'mmss_plugins':
            del sys.modules[name]
    sys.path.remove(root)
    warnings.resetwarnings()
    gc.collect()
    gc.freeze()


def read_request(connection):
    """The request and the client's standard streams."""
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    data = b''
    while len(data) < int.from_bytes(size, 'big'):
        data += connection.recv(1 << 20)
    return json.loads(data), streams


def serve(listener):
    """Return in a child that has something to run: the request and its streams."""
    ready = False
    running = {}  # process: its client
    watched = selectors.DefaultSelector()
    watched.register(sys.stdin, selectors.EVENT_READ, ('owner', None))
    watched.register(listener, selectors.EVENT_READ, ('listener', None))
    while True:
        for key, _ in watched.select():
            event, pid = key.data
            if event == 'owner':  # it has ended: so goes all that it started
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                sys.exit()
            if event == 'listener':
                if not ready:
                    import_stack()
                    ready = True
                client, _ = listener.accept()
                request, streams = read_request(client)
                pid = os.fork()
                if pid == 0:
                    for other in (client, listener, *running.values(), watched):
                        other.close()
                    return request, streams
                for stream in streams:
                    os.close(stream)
                running[pid] = client
                watched.register(client, selectors.EVENT_READ, ('killed', pid))
                watched.register(os.pidfd_open(pid), selectors.EVENT_READ, ('ended', pid))
            elif event == 'ended':
                watched.unregister(key.fd)
                os.close(key.fd)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with running.pop(pid) as client:
                    if client in watched.get_map():
                        watched.unregister(client)
                        client.sendall(str(status).encode())
            elif pid in running:  # its client was killed
                watched.unregister(running[pid])
                os.kill(pid, signal.SIGKILL)


def threads():
    return len(os.listdir('/proc/self/task'))


def become(request, streams, program):
    """Take over the client's streams, folder, environment and arguments; return the arguments."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request['folder'])
    os.environ.clear()
    os.environ.update(request['environment'])
    arguments = request['arguments']
    if threads() > 1:
        os.execv(PYTHON, [PYTHON, *arguments])
    unbuffered = arguments[0] == '-u' or bool(os.environ.get('PYTHONUNBUFFERED'))
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout.reconfigure(write_through=unbuffered)
    sys.executable = program
    if os.environ.get('PYTHONWARNINGS') == 'ignore':
        warnings.simplefilter('ignore')
    importlib.import_module('numpy').random.seed()  # a fork has its parent's state
    return arguments[1:] if arguments[0] == '-u' else arguments


def run(arguments, base):
    module = arguments[0] == '-m'
    name, *rest = arguments[1:] if module else arguments
    places = [place for place in os.environ.get('PYTHONPATH', '').split(os.pathsep) if place]
    first = os.getcwd() if module else str(Path(name).resolve().parent)
    sys.path[:] = [first, *map(os.path.abspath, places), *base]
    importlib.invalidate_caches()
    sys.argv[:] = [name, *rest]
    if module:
        runpy.run_module(name, run_name='__main__', alter_sys=True)
    else:
        runpy.run_path(name, run_name='__main__')


if __name__ == '__main__':
    (program,) = sys.argv[1:]
    base = sys.path[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind('socket')
    listener.listen(64)
    print('listening', flush=True)
    run(become(*serve(listener), program), base)
