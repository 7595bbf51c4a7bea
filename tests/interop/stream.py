"""A stream of numbered UDP packets: every one that is lost is known by its number.

Paced well under what any device here takes, so that a loss is the router's; the receiver's buffer
is large enough for the kernel never to drop.
"""

import select
import socket
import struct
import threading
import time

SO_RCVBUFFORCE = 33


class CountedStream:
    """From one namespace to an address of another; a context manager that stops the sender.
    `through` is the endpoint that the sender speaks to where that is another one."""

    def __init__(self, sender, receiver, target, port=9000, rate=1000, size=200, through=None):
        self.rate = rate
        self._padding = b"\0" * (size - 8)
        self._in = receiver.socket()
        self._in.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self._in.bind((target, port))
        self._out = sender.socket()
        self._target = through or (target, port)
        self._stopping = threading.Event()
        self._drained = threading.Event()
        self.sent = 0
        self.refused = 0  # the sender's own kernel had no way for it
        self.arrivals = {}  # number → time
        self.duplicates = 0
        self._threads = [
            threading.Thread(target=self._send, daemon=True),
            threading.Thread(target=self._receive, daemon=True),
        ]

    def __enter__(self):
        for thread in reversed(self._threads):
            thread.start()
        return self

    def __exit__(self, *_):
        self.finish(timeout=0)

    def _send(self):
        began = time.monotonic()
        while not self._stopping.is_set():
            due = int((time.monotonic() - began) * self.rate)
            # After a pause of this process the rate is kept, not made up for in one burst.
            if due - self.sent > self.rate // 10:
                began += (due - self.sent) / self.rate
                continue
            while self.sent < due:
                packet = struct.pack("!Q", self.sent) + self._padding
                try:
                    self._out.sendto(packet, self._target)
                except OSError:
                    self.refused += 1
                self.sent += 1
            self._stopping.wait(1 / self.rate)

    def _receive(self):
        while not self._drained.is_set():
            if not select.select([self._in], [], [], 0.05)[0]:
                continue
            number = struct.unpack_from("!Q", self._in.recv(2048))[0]
            if number in self.arrivals:
                self.duplicates += 1
            self.arrivals[number] = time.monotonic()

    def run_for(self, seconds):
        time.sleep(seconds)
        return self

    def finish(self, timeout=2):
        """Stops sending and waits for what is on its way."""
        self._stopping.set()
        self._threads[0].join()
        deadline = time.monotonic() + timeout
        while len(self.arrivals) < self.sent - self.refused and time.monotonic() < deadline:
            time.sleep(0.02)
        self._drained.set()
        self._threads[1].join()
        self._in.close()
        self._out.close()
        return self

    @property
    def lost(self):
        return [number for number in range(self.sent) if number not in self.arrivals]

    def longest_gap(self):
        """Seconds between two arrivals that followed each other."""
        times = sorted(self.arrivals.values())
        return max((b - a for a, b in zip(times, times[1:])), default=float("inf"))

    def assert_nothing_lost(self):
        lost = self.lost
        assert self.sent > 0 and not lost, (
            f"{len(lost)} of {self.sent} packets lost (refused by the sender: {self.refused}), "
            f"numbers {lost[:10]}…{lost[-3:]}"
        )
        assert self.duplicates == 0, f"{self.duplicates} packets arrived twice"
