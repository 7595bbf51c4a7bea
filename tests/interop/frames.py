"""Frames by hand on a client's link, for what its kernel cannot make: VLAN tags, broken headers.

The kernel takes the tag out of a frame that it receives and hands it over beside the data; receive()
puts it back, so that what a test sees is what was on the wire.
"""

import socket
import struct
import time

SOL_PACKET = 263
PACKET_AUXDATA = 8
ETH_P_ALL = 3
TP_STATUS_VLAN_VALID = 1 << 4
PACKET_OUTGOING = 4


class Link:
    """An AF_PACKET socket on a link of a namespace."""

    def __init__(self, namespace, device="eth0"):
        self.socket = namespace.inside(lambda: self._open(device))
        self.mac = ":".join(f"{byte:02x}" for byte in self.socket.getsockname()[4])

    @staticmethod
    def _open(device):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        opened.bind((device, ETH_P_ALL))
        opened.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        return opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frame):
        self.socket.send(bytes(frame))

    def receive(self, wanted, timeout=3):
        """The first frame (bytes) for which wanted(frame) is true; None when none comes."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, extra, _, address = self.socket.recvmsg(65536, 256)
            except TimeoutError:
                return None
            if address[2] == PACKET_OUTGOING:
                continue
            for level, kind, value in extra:
                if level == SOL_PACKET and kind == PACKET_AUXDATA:
                    status, *_, tci, tpid = struct.unpack("IIIHHHH", value[:20])
                    if status & TP_STATUS_VLAN_VALID:
                        data = data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
            if wanted(data):
                return data
        return None
