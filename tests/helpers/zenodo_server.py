"""A local server with the parts of Zenodo that a download asks for."""

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Zenodo:
    """What the server has and does; tests change it while it runs.

    Attributes:
        record: Number of the record.
        files: Name to content.
        cuts: How many answers with content end half way, the connection closed.
        busy: How many answers are status 503 instead.
        ranges: Whether parts of files are sent.
        requests: (path, Range) of all requests.
    """

    def __init__(self, record, files):
        self.record, self.files = record, dict(files)
        self.cuts = self.busy = 0
        self.ranges = True
        self.requests = []
        self.url = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        zenodo, path = self.server.zenodo, urlsplit(self.path).path
        if 'urllib' in self.headers.get('User-Agent', 'urllib'):  # Zenodo wants a name
            return self._send(403, b'')
        zenodo.requests.append((path, self.headers.get('Range')))
        if zenodo.busy:
            zenodo.busy -= 1
            return self._send(503, b'')
        base = f'/api/records/{zenodo.record}'
        if path == base:
            return self._send(
                200, json.dumps({'files': list(map(self._entry, zenodo.files))}).encode()
            )
        match = re.fullmatch(rf'/records/{zenodo.record}/files/([^/]+)', path)
        if not match or match[1] not in zenodo.files:
            return self._send(404, b'{"status": 404}')
        body, status, headers = zenodo.files[match[1]], 200, {}
        if zenodo.ranges and self.headers.get('Range'):
            first = int(re.fullmatch(r'bytes=(\d+)-', self.headers['Range'])[1])
            headers['Content-Range'] = f'bytes {first}-{len(body) - 1}/{len(body)}'
            body, status = body[first:], 206
        cut = zenodo.cuts > 0
        zenodo.cuts -= cut
        self.close_connection = cut
        return self._send(status, body, headers, cut)

    def _entry(self, name):
        content = self.server.zenodo.files[name]
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return {'key': name, 'size': len(content), 'checksum': f'md5:{md5}'}

    def _send(self, status, body, headers=None, cut=False):
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)


@contextmanager
def serve(record, files):
    """Run a server with a record of these files until the context ends."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
    server.daemon_threads = True
    server.zenodo = zenodo = Zenodo(record, files)
    zenodo.url = f'http://127.0.0.1:{server.server_address[1]}'
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield zenodo
    finally:
        server.shutdown()
        server.server_close()
