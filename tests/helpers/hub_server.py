"""A local server with the parts of the Hugging Face hub that a download asks for."""

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

REPOSITORY = 'vikki23/NoLDO-S12'
COMMIT = '0123456789abcdef0123456789abcdef01234567'


class Hub:
    """What the server has and does; tests change it while it runs.

    Attributes:
        files: Name to content.
        others: Name of another repository to its files.
        published: Name to the SHA-256 that the hub tells, where it is not the content's.
        refuse: Status and X-Error-Code of every answer of the API.
        cuts: How many answers with content end half way, the connection closed.
        busy: How many answers with content are status 503 instead.
        ignore_range: Whether whole files are sent.
        requests: (method, path, Range) of all requests.
    """

    def __init__(self, files):
        self.files = dict(files)
        self.others = {}
        self.published = {}
        self.refuse = None
        self.cuts = self.busy = 0
        self.ignore_range = False
        self.requests = []
        self.url = None

    def ranges(self):
        """(first byte, last byte) of the content asked for, in the order of the file."""
        asked = [text for _, path, text in self.requests if path.startswith('/content/')]
        return sorted(tuple(map(int, re.findall(r'\d+', text))) for text in asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        hub, path = self.server.hub, unquote(urlsplit(self.path).path)
        hub.requests.append((self.command, path, self.headers.get('Range')))
        if path.startswith('/content/'):  # where a real hub has its storage
            return self._content(hub, path.removeprefix('/content/'))
        if hub.refuse:
            status, code = hub.refuse
            return self._send(status, b'', {'X-Error-Code': code})
        for name, files in {REPOSITORY: hub.files, **hub.others}.items():
            if path in (f'/api/datasets/{name}/revision/{text}' for text in ('main', COMMIT)):
                return self._send(200, json.dumps(self._info(hub, name, files)).encode())
            prefix = f'/datasets/{name}/resolve/{COMMIT}/'
            if path.startswith(prefix):
                place = f'{hub.url}/content/{path[len(prefix) :]}'
                return self._send(302, b'', {'Location': place})
            if path.startswith(f'/api/datasets/{name}/'):
                return self._send(404, b'', {'X-Error-Code': 'RevisionNotFound'})
        return self._send(404, b'', {'X-Error-Code': 'RepoNotFound'})

    def _info(self, hub, repository, files):
        siblings = [{'rfilename': 'README.md', 'size': 9, 'blobId': 'b' * 40}]
        for name, content in files.items():
            sha256 = hub.published.get(name) or hashlib.sha256(content).hexdigest()
            lfs = {'sha256': sha256, 'size': len(content), 'pointerSize': 130}
            siblings.append(
                {'rfilename': name, 'size': len(content), 'blobId': 'a' * 40, 'lfs': lfs}
            )
        return {
            '_id': '0' * 24,
            'id': repository,
            'sha': COMMIT,
            'private': False,
            'disabled': False,
            'downloads': 0,
            'likes': 0,
            'tags': [],
            'siblings': siblings,
        }

    def _content(self, hub, name):
        if hub.busy:
            hub.busy -= 1
            return self._send(503, b'')
        content = {**hub.files, **{k: v for f in hub.others.values() for k, v in f.items()}}[name]
        if hub.ignore_range:
            return self._send(200, content)
        first, last = map(int, re.findall(r'\d+', self.headers['Range']))
        body = content[first : last + 1]
        if hub.cuts:
            hub.cuts -= 1
            self.close_connection = True
            return self._send(206, body, cut=True)
        return self._send(206, body, {'Content-Range': f'bytes {first}-{last}/{len(content)}'})

    def _send(self, status, body, headers=None, cut=False):
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)


@contextmanager
def serve(files):
    """Run a hub with these files until the context ends."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
    server.daemon_threads = True
    server.hub = hub = Hub(files)
    hub.url = f'http://127.0.0.1:{server.server_address[1]}'
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
