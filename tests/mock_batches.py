"""A server with OpenAI's files and batches, for tests.

``with BatchServer() as server:`` runs it on a free port of 127.0.0.1. A batch stays
``in_progress`` until ``finish`` ends it. What it holds: ``files`` (bytes by id),
``batches`` (by id, as they are sent), ``calls`` (method and path, in order).

``faults`` maps the beginning of ``METHOD /path`` to what happens next there, one a
request: a status, a ``(status, headers, body)``, ``"stall"`` (it does what it was asked
and never replies), ``"lost"`` (it does so and drops the connection), or ``"cut"`` (half
of a download comes).
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mock_server import completion


class BatchServer:
    """See the top of this file."""

    def __init__(self, *, page=100):
        self.files, self.batches, self.calls = {}, {}, []
        self.faults = defaultdict(list)
        self.page = page
        """How many batches a listing gives at once."""
        self.released = threading.Event()

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"mock": self})
        self.http = _HTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.released.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()
        assert not self.http.errors

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.http.server_port}/v1"

    def requests(self, batch_id):
        """Give the requests of a batch, parsed."""
        data = self.files[self.batches[batch_id]["input_file_id"]]
        return [json.loads(line) for line in data.splitlines()]

    @property
    def open(self):
        return [
            id_ for id_, one in self.batches.items() if one["status"] == "in_progress"
        ]

    def finish(self, *, reply=lambda task, body: 1, status="completed", lines=None):
        """End all batches.

        Args:
            reply: of a request's task and body to a response, to a line (a dict with
                ``response`` or ``error``), or to ``None``: not answered.
            status: what they end as.
            lines: changes the list of lines that come back.
        """
        for id_ in self.open:
            self._finish(id_, reply, status, lines)

    def _finish(self, id_, reply, status, change):
        output, errors = [], []
        for request in self.requests(id_):
            content = request["body"]["messages"][-1]["content"]
            task = content.partition("The task:\n")[2].partition("\n")[0]
            found = reply(task, request["body"])
            if found is None:
                continue
            if not isinstance(found, dict):
                found = answered(found, model=request["body"]["model"])
            failed = found.get("error") or found["response"]["status_code"] != 200
            whole = {"id": "r", "custom_id": request["custom_id"], "error": None}
            (errors if failed else output).append({**whole, **found})
        batch = self.batches[id_]
        counts = {"completed": len(output), "failed": len(errors)}
        batch |= {"status": status, "request_counts": batch["request_counts"] | counts}
        for name, lines in (("output", output), ("error", errors)):
            if lines:
                lines = change(lines) if change and name == "output" else lines
                self.files[f"file-{id_}-{name}"] = _jsonl(lines)
                batch[f"{name}_file_id"] = f"file-{id_}-{name}"


def answered(response, *, model="mock"):
    """Make what a line says of a request that was answered."""
    text = json.dumps({"reason": "As the mock sees it.", "response": response})
    body = completion(text, model=model)
    return {"response": {"status_code": 200, "request_id": "q", "body": body}}


def refused(status, message, **fields):
    """Make what a line says of a request that was refused."""
    error = {"message": message, "type": "invalid_request_error", **fields}
    return {"response": {"status_code": status, "body": {"error": error}}}


def _jsonl(lines):
    texts = (x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines)
    return b"".join(text + b"\n" for text in texts)


class _HTTPServer(ThreadingHTTPServer):
    def __init__(self, *args):
        super().__init__(*args)
        self.errors = []
        self.hung_up = threading.Event()
        """A client did, which it may."""

    def handle_error(self, request, client_address):
        """Print nothing: a command's output may be listened to just now."""
        error = sys.exc_info()[1]
        if isinstance(error, ConnectionError):
            self.hung_up.set()
        else:
            self.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mock: BatchServer

    def log_message(self, *args):
        pass

    def do_GET(self):
        self._handle()

    def do_POST(self):
        self._handle()

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        call = f"{self.command} {path.removeprefix('/v1')}"
        self.mock.calls.append(call)
        fault = self._fault(call)
        if isinstance(fault, int):
            fault = fault, {}, {"error": {"message": f"the mock says {fault}"}}
        if isinstance(fault, tuple):
            self._send(*fault)
            return
        found = self._do(call, query, body)
        if fault == "stall":
            self.mock.released.wait()
        if fault in ("stall", "lost"):
            self.close_connection = True
        elif found is None:
            self._send(404, {}, {"error": {"message": "No such thing"}})
        else:
            self._send(200, {}, found, cut=fault == "cut")

    def _fault(self, call):
        for start, faults in self.mock.faults.items():
            if faults and call.startswith(start):
                return faults.pop(0)
        return None

    def _do(self, call, query, body):
        mock = self.mock
        if call == "POST /files":
            assert b'name="purpose"\r\n\r\nbatch\r\n' in body
            boundary = body.split(b"\r\n", 1)[0]
            (part,) = (p for p in body.split(boundary) if b"filename=" in p)
            id_ = f"file-{len(mock.files) + 1}"
            mock.files[id_] = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
            return {"id": id_, "object": "file", "purpose": "batch"}
        if call == "POST /batches":
            return self._create(json.loads(body))
        if call == "GET /batches":
            newest = list(reversed(mock.batches.values()))
            after = re.search("after=([^&]*)", query)
            start = 0
            if after:
                start = [b["id"] for b in newest].index(after[1]) + 1
            page = newest[start : start + mock.page]
            more = len(newest) > start + mock.page
            return {"object": "list", "data": page, "has_more": more}
        if found := re.fullmatch(r"GET /files/(.+)/content", call):
            return mock.files.get(found[1])
        if found := re.fullmatch(r"POST /batches/(.+)/cancel", call):
            if found[1] in mock.batches:
                mock.batches[found[1]]["status"] = "cancelling"
            return mock.batches.get(found[1])
        if found := re.fullmatch(r"GET /batches/(.+)", call):
            return mock.batches.get(found[1])
        return None

    def _create(self, asked):
        assert asked["endpoint"] == "/v1/chat/completions"
        assert asked["completion_window"] == "24h"
        id_ = f"batch_{len(self.mock.batches) + 1}"
        total = self.mock.files[asked["input_file_id"]].count(b"\n")
        self.mock.batches[id_] = {
            "id": id_,
            "object": "batch",
            "status": "in_progress",
            "created_at": 1,
            "request_counts": {"total": total, "completed": 0, "failed": 0},
            **asked,
        }
        return self.mock.batches[id_]

    def _send(self, status, headers, body, *, cut=False):
        kind = "application/octet-stream"
        if not isinstance(body, bytes):
            kind, body = "application/json", json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut
