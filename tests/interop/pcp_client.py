"""A client of PCP (RFC 6887) as a host inside has one: octets of its own making, for requests that a
library would not let one send."""

import dataclasses
import os
import socket
import struct
import time

from network import LAN_ROUTER

SERVER_PORT = 5351
ANNOUNCE_PORT = 5350
ANNOUNCE, MAP, PEER = 0, 1, 2
TCP, UDP = 6, 17
SUCCESS, UNSUPP_VERSION, NOT_AUTHORIZED, UNSUPP_OPCODE, UNSUPP_OPTION = 0, 1, 2, 4, 5
USER_EX_QUOTA, CANNOT_PROVIDE_EXTERNAL, ADDRESS_MISMATCH = 10, 11, 12
ANY = ("0.0.0.0", 0)  # as a suggestion: no matter which


def mapped(address):
    return bytes(10) + b"\xff\xff" + socket.inet_aton(address)


def third_party(address):
    return struct.pack("!BBH", 1, 0, 16) + mapped(address)


def prefer_failure():
    return struct.pack("!BBH", 2, 0, 0)


def remote_filter(address, length, port=0):
    return struct.pack("!BBHBBH", 3, 0, 20, 0, 96 + length, port) + mapped(address)


@dataclasses.dataclass
class Answer:
    """`rest` is what follows the header."""

    opcode: int
    result: int
    lifetime: int
    epoch: int
    rest: bytes

    @staticmethod
    def read(data):
        version, opcode, _, result, lifetime, epoch = struct.unpack_from("!BBBBII", data)
        assert version == 2 and opcode & 0x80, data
        assert len(data) % 4 == 0 and 24 <= len(data) <= 1100, data
        return Answer(opcode & 0x7F, result, lifetime, epoch, data[24:])

    @property
    def outside(self):
        """The endpoint that a mapping has."""
        port, address = struct.unpack_from("!H16s", self.rest, 18)
        assert address[:12] == mapped("0.0.0.0")[:12], address
        return socket.inet_ntoa(address[12:]), port


class PcpClient:
    """One host. It asks each time from another port, so that the answer to a repetition is never
    taken for that to the next request."""

    def __init__(self, namespace, address, server=LAN_ROUTER):
        self.namespace = namespace
        self.address = address
        self.nonce = os.urandom(12)
        self._server = (server, SERVER_PORT)

    def ask(self, request, tries=5, timeout=3):
        """None when no answer came; RFC 6887 8.1.1 has a client ask again after 3 s."""
        with self.namespace.socket() as one:
            one.bind((self.address, 0))
            one.settimeout(timeout)
            for _ in range(tries):
                one.sendto(request, self._server)
                try:
                    data, source = one.recvfrom(2048)
                except TimeoutError:
                    continue
                assert source == self._server
                return Answer.read(data)
        return None

    def is_refused(self):
        """Whether the port is closed, which the router's stack tells who asks there."""
        with self.namespace.socket() as one:
            one.bind((self.address, 0))
            one.settimeout(1)
            one.connect(self._server)
            one.send(self.header(ANNOUNCE, 0))
            try:
                one.recv(2048)
            except ConnectionRefusedError:
                return True
            except TimeoutError:
                pass
        return False

    def header(self, opcode, lifetime, address=None):
        return struct.pack("!BBHI", 2, opcode, 0, lifetime) + mapped(address or self.address)

    def announce(self, **options):
        return self.ask(self.header(ANNOUNCE, 0), **options)

    def map_request(self, protocol, port, lifetime=3600, suggested=ANY, options=b"", nonce=None):
        return (
            self.header(MAP, lifetime)
            + struct.pack("!12sBxxxHH", nonce or self.nonce, protocol, port, suggested[1])
            + mapped(suggested[0])
            + options
        )

    def map(self, protocol, port, **wanted):
        request = self.map_request(protocol, port, **wanted)
        answer = self.ask(request)
        assert answer is not None and answer.opcode == MAP, answer
        # Nonce, protocol and port inside say what is answered (RFC 6887 11.4).
        assert answer.rest[:18] == request[24:42], answer
        return answer

    def release(self, protocol, port, **wanted):
        return self.map(protocol, port, lifetime=0, **wanted)


class Announcements:
    """What the server tells everybody, as one host hears it."""

    def __init__(self, client, server=LAN_ROUTER):
        self._server = (server, SERVER_PORT)
        self._socket = client.namespace.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("224.0.0.1", ANNOUNCE_PORT))
        self._socket.setsockopt(
            *(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP),
            socket.inet_aton("224.0.0.1") + socket.inet_aton(client.address),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def younger_than(self, epoch, timeout=30):
        """The first that says a younger epoch; those of an epoch that began before, which are
        repeated for two minutes, say an older one."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data, source = self._socket.recvfrom(2048)
            except TimeoutError:
                break
            assert source == self._server
            answer = Answer.read(data)
            assert (answer.opcode, answer.result, answer.rest) == (ANNOUNCE, SUCCESS, b""), answer
            if answer.epoch < epoch:
                return answer
        raise AssertionError(f"no announcement of an epoch younger than {epoch} s in {timeout} s")
