# The program of warm_python(), below its #! line. It is quick to start: it runs without site.
import json
import os
import signal
import socket
import sys

arguments = sys.argv[1:]
start = arguments[1:] if arguments[:1] == ['-u'] else arguments
if not start or (start[0].startswith('-') and start[0] != '-m'):
    os.execv(sys.executable, [sys.executable, *arguments])
request = {'arguments': arguments, 'folder': os.getcwd(), 'environment': dict(os.environ)}
data = json.dumps(request).encode()
os.chdir(os.path.dirname(__file__))
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect('socket')
    socket.send_fds(connection, [len(data).to_bytes(8, 'big')], [0, 1, 2])
    connection.sendall(data)
    answer = connection.recv(16)
if not answer:
    sys.exit('the server of warm_python() is gone')
status = int(answer)
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
