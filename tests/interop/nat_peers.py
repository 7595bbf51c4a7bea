"""Small peers for the tests of NAT, in threads whose sockets are in a namespace: a server that says
whom it saw, and file transfer."""

import pathlib
import select
import socket
import subprocess
import sys
import threading

from router import eventually


class Mirror:
    """Answers each UDP datagram with the address and port that it came from, as a STUN server does,
    at several endpoints; "from HOST:PORT" in a request asks for the answer from another of them."""

    def __init__(self, namespace, endpoints):
        self._sockets = {}
        for endpoint in endpoints:
            one = namespace.socket()
            one.bind(endpoint)
            self._sockets[f"{endpoint[0]}:{endpoint[1]}"] = one
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()
        for one in self._sockets.values():
            one.close()

    def _run(self):
        while not self._ends.is_set():
            for one in select.select(list(self._sockets.values()), [], [], 0.05)[0]:
                data, source = one.recvfrom(2048)
                words = data.decode(errors="replace").split()
                answerer = one
                if len(words) == 2 and words[0] == "from":
                    answerer = self._sockets[words[1]]
                answerer.sendto(f"{source[0]}:{source[1]}".encode(), source)


def ask_mirror(client, endpoint, request="who", timeout=2):
    """What the mirror saw; None when no answer came."""
    for _ in range(3):
        client.settimeout(timeout)
        client.sendto(request.encode(), endpoint)
        try:
            return client.recvfrom(2048)[0].decode()
        except TimeoutError:
            continue
    return None


class TcpEcho:
    """Accepts connections and sends back what comes; `seen` are the addresses of the peers."""

    def __init__(self, namespace, endpoint):
        self.seen = []
        self._socket = namespace.socket(kind=socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(endpoint)
        self._socket.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _accept(self):
        while True:
            try:
                connection, peer = self._socket.accept()
            except OSError:
                return
            self.seen.append(peer)
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    @staticmethod
    def _echo(connection):
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
            except OSError:
                return


class CountedConnection:
    """A TCP connection whose two ends count each byte: nothing of it may be lost."""

    def __init__(self, client, endpoint):
        self._socket = client.socket(kind=socket.SOCK_STREAM)
        self._socket.settimeout(20)
        self._socket.connect(endpoint)
        self.rounds = 0

    def talk(self, rounds=1, size=1000):
        for _ in range(rounds):
            sent = self.rounds.to_bytes(8, "big") * (size // 8)
            self._socket.sendall(sent)
            got = b""
            while len(got) < len(sent):
                part = self._socket.recv(65536)
                assert part, "the connection ended"
                got += part
            assert got == sent
            self.rounds += 1

    def close(self):
        self._socket.close()


class FtpControl:
    """A control connection by hand: commands in the pieces that they are given in."""

    def __init__(self, namespace, address, hurried):
        self._socket = namespace.socket(kind=socket.SOCK_STREAM)
        self._socket.settimeout(20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, hurried)
        self._socket.connect((address, 21))
        self._file = self._socket.makefile("rb")
        assert self.reply() == "220"
        assert self.ask("USER anonymous\r\n") == "331"
        assert self.ask("PASS a@b\r\n") == "230"
        assert self.ask("TYPE I\r\n") == "200"

    def ask(self, *pieces):
        """The code of the reply."""
        for piece in pieces:
            self._socket.sendall(piece.encode())
        return self.reply()

    def reply(self):
        line = self._file.readline().decode()
        while line[3:4] == "-":
            line = self._file.readline().decode()
        return line[:3]

    def close(self):
        self._file.close()
        self._socket.close()


class FtpServer:
    """pyftpdlib in a namespace, for anybody, reading and writing in `folder`."""

    PROGRAM = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
authorizer = DummyAuthorizer()
authorizer.add_anonymous(sys.argv[2], perm="elrw")
FTPHandler.authorizer = authorizer
FTPHandler.permit_foreign_addresses = False
FTPServer((sys.argv[1], 21), FTPHandler).serve_forever()
"""

    def __init__(self, namespace, address, folder):
        self._folder = pathlib.Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._address = address
        self._namespace = namespace
        self._process = None

    def __enter__(self):
        self._process = self._namespace.start(
            *(sys.executable, "-W", "ignore", "-c", self.PROGRAM, self._address, self._folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._answers, 10, "the FTP server listens")
        return self

    def _answers(self):
        with self._namespace.socket(kind=socket.SOCK_STREAM) as probe:
            return probe.connect_ex((self._address, 21)) == 0

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
