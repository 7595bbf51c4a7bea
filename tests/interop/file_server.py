"""A web server with one file, in a thread whose socket is in a namespace."""

import contextlib
import http.server
import threading


@contextlib.contextmanager
def file_server(namespace, address, data, port=8080):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=invalid-name
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass

    server = namespace.inside(
        lambda: http.server.ThreadingHTTPServer((address, port), Handler)
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
