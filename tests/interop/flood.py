"""Floods of hand-made frames from a namespace, in a process of their own.

Frames are made once, as bytes, and sent over and over with sendmmsg at a steady rate: well over
every limit of the router, and well under what its devices carry, so that a loss beside the flood is
the router's. The sender is this file run as a program: a thread of the test would share an
interpreter with the streams that are watched.
"""

import ctypes
import ipaddress
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time

SOL_PACKET = 263
PACKET_QDISC_BYPASS = 20
SO_SNDBUFFORCE = 32
BATCH = 32
ETHERTYPE_IPV4, ETHERTYPE_ARP = 0x0800, 0x0806
ICMP, TCP, UDP = 1, 6, 17
MORE_FRAGMENTS = 0x2000


# ---- frames, quicker than scapy makes them


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def address_bytes(text):
    return ipaddress.IPv4Address(text).packed


def internet_checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ipv4(source, destination, protocol, payload, ttl=64, identification=0, fragment=0):
    """A datagram; addresses are bytes, `fragment` the word of flags and offset."""
    header = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x45, 0, 20 + len(payload), identification, fragment, ttl, protocol, 0),
        *(source, destination),
    )
    return header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:] + payload


def ethernet(destination, source, ethertype, payload):
    return (destination + source + struct.pack("!H", ethertype) + payload).ljust(60, b"\0")


def udp(source_port, destination_port, data=b""):
    return struct.pack("!HHHH", source_port, destination_port, 8 + len(data), 0) + data


def syn(source, destination, source_port, destination_port, sequence):
    """A TCP segment that asks for a connection."""
    header = struct.pack(
        "!HHIIBBHHH", source_port, destination_port, sequence, 0, 0x50, 0x02, 8192, 0, 0
    )
    pseudo = source + destination + struct.pack("!BBH", 0, TCP, len(header))
    return header[:16] + struct.pack("!H", internet_checksum(pseudo + header)) + header[18:]


class Sender:
    """What frames of a flood are made of: the two ends of the link, and hosts that may not exist."""

    def __init__(self, mac, router_mac, subnet, host, seed):
        self.mac = mac_bytes(mac)
        self.router_mac = mac_bytes(router_mac)
        self.host = address_bytes(host)
        self.random = random.Random(seed)
        self._network = ipaddress.IPv4Network(subnet)

    def somebody(self):
        """An address of the subnet, mostly nobody's; one in four is the host that sends."""
        if self.random.random() < 0.25:
            return self.host
        number = self.random.randrange(256, self._network.num_addresses - 1)
        return self._network[number].packed

    def to_router(self, datagram):
        return ethernet(self.router_mac, self.mac, ETHERTYPE_IPV4, datagram)

    def expired(self, destination):
        """A packet whose time to live ends at the router."""
        ports = udp(self.random.randrange(1024, 65536), 33434, b"x" * 12)
        return self.to_router(ipv4(self.somebody(), address_bytes(destination), UDP, ports, ttl=1))

    def lonely_fragment(self, router):
        """One fragment of a datagram for the router whose others never come: the first, the last or
        one between them."""
        offset, more = self.random.choice([(0, MORE_FRAGMENTS), (185, 0), (370, MORE_FRAGMENTS)])
        return self.to_router(
            ipv4(
                *(self.somebody(), address_bytes(router), UDP, b"x" * 64),
                identification=self.random.randrange(65536),
                fragment=offset | more,
            )
        )

    def arp_request(self, router):
        """From a host that never was, for an address of the router."""
        mac = bytes([0x02]) + self.random.randbytes(5)
        body = struct.pack("!HHBBH", 1, ETHERTYPE_IPV4, 6, 4, 1)
        address = self._network[self.random.randrange(256, self._network.num_addresses - 1)].packed
        body += mac + address + bytes(6) + address_bytes(router)
        return ethernet(b"\xff" * 6, mac, ETHERTYPE_ARP, body)

    def to_a_closed_port(self, router):
        source, destination = self.somebody(), address_bytes(router)
        ports = (self.random.randrange(1024, 65536), self.random.randrange(1, 65536))
        if self.random.random() < 0.5:
            return self.to_router(ipv4(source, destination, UDP, udp(*ports, b"x" * 12)))
        asked = syn(source, destination, *ports, self.random.randrange(1 << 32))
        return self.to_router(ipv4(source, destination, TCP, asked))


# ---- sending


class Flood:
    """Sends `frames` round and round on a link of a namespace, `rate` a second, until it is left."""

    def __init__(self, namespace, frames, rate, device="eth0"):
        self._namespace = namespace
        self._rate = rate
        self._device = device
        self._file = tempfile.NamedTemporaryFile(prefix="godwit-flood-", delete=False)
        with self._file as file:
            for frame in frames:
                file.write(struct.pack("!H", len(frame)) + frame)
        self._process = None
        self.sent = 0

    def __enter__(self):
        self._process = self._namespace.start(
            *(sys.executable, __file__, self._device, self._rate, self._file.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_):
        # It ends with its standard input, and then says how many it sent.
        out, _ = self._process.communicate(timeout=20)
        os.unlink(self._file.name)
        self.sent = int(out or 0)


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class MsgHdr(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.POINTER(IoVec)),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class MMsgHdr(ctypes.Structure):
    _fields_ = [("header", MsgHdr), ("length", ctypes.c_uint)]


def messages_of(data):
    """(the array for sendmmsg, what must stay alive with it)."""
    places, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("!H", data, at)
        places.append((at + 2, length))
        at += 2 + length
    places = places[: len(places) // BATCH * BATCH]
    buffer = ctypes.create_string_buffer(data, len(data))
    base = ctypes.addressof(buffer)
    vectors = (IoVec * len(places))(*((base + place, length) for place, length in places))
    messages = (MMsgHdr * len(places))()
    for number, message in enumerate(messages):
        message.header.iov = ctypes.pointer(vectors[number])
        message.header.iov_count = 1
    return messages, (buffer, vectors)


def send_until_stdin_ends(device, rate, path):
    libc = ctypes.CDLL(None, use_errno=True)
    messages, _alive = messages_of(pathlib.Path(path).read_bytes())
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    link.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    link.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20)
    link.bind((device, 0))
    os.set_blocking(0, False)
    size = ctypes.sizeof(MMsgHdr)
    first = ctypes.addressof(messages)
    sent, at, began = 0, 0, time.monotonic()
    while True:
        try:
            if os.read(0, 1) == b"":
                return sent
        except BlockingIOError:
            pass
        due = int((time.monotonic() - began) * rate)
        # After a pause of this process the rate is kept, not made up for in one burst.
        if due - sent > rate // 20:
            began += (due - sent) / rate
            continue
        while due - sent >= BATCH:
            done = libc.sendmmsg(link.fileno(), ctypes.c_void_p(first + at * size), BATCH, 0)
            sent += max(done, 0)
            at = (at + BATCH) % len(messages)
        time.sleep(BATCH / rate / 2)


if __name__ == "__main__":
    print(send_until_stdin_ends(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
