"""Network namespaces of this test run: made with names of their own, removed whatever happens.

Sockets of a namespace are made in a thread that enters it and ends; they keep their namespace and
may be used by any thread after that.
"""

import ctypes
import itertools
import os
import signal
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()


def run(*words, check=True, timeout=60, **options):
    """A command's CompletedProcess with its output as text; a failure shows that output."""
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=timeout,
        **options,
    )
    if check and done.returncode != 0:
        raise AssertionError(
            f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done


class Namespace:
    """One namespace without IPv6 noise; a context manager."""

    def __init__(self, role):
        self.name = f"gwi{os.getpid()}-{next(_numbers)}-{role}"
        run("ip", "netns", "add", self.name)
        try:
            self.run(
                "sysctl",
                "-q",
                "net.ipv6.conf.all.disable_ipv6=1",
                "net.ipv6.conf.default.disable_ipv6=1",
            )
            self.ip("link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends what still runs in it, and removes it with its links."""
        pids = run("ip", "netns", "pids", self.name, check=False).stdout.split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        run("ip", "netns", "delete", self.name, check=False)

    def ip(self, *words, check=True):
        return run("ip", "-n", self.name, *words, check=check)

    def run(self, *words, **options):
        return run("ip", "netns", "exec", self.name, *words, **options)

    def start(self, *words, **options):
        """A Popen in the namespace; `ip netns exec` becomes the program, so its pid is that one's."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.name, *[str(word) for word in words]], **options
        )

    def inside(self, function):
        """What the function gives back when a thread calls it in the namespace."""
        outcome = []

        def enter():
            try:
                with open(f"/run/netns/{self.name}", encoding="ascii") as handle:
                    if _libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                outcome.append((function(), None))
            except BaseException as error:  # pylint: disable=broad-except
                outcome.append((None, error))

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        value, error = outcome[0]
        if error is not None:
            raise error
        return value

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_DGRAM, protocol=0):
        return self.inside(lambda: socket.socket(family, kind, protocol))


def connect(router, router_end, client, client_end="eth0"):
    """A veth pair between the router's namespace and a client's, with whole frames and complete
    checksums, as a wire would carry them."""
    run(
        *("ip", "link", "add", router_end, "netns", router.name),
        *("type", "veth", "peer", "name", client_end, "netns", client.name),
    )
    for namespace, end in ((router, router_end), (client, client_end)):
        namespace.run("ethtool", "-K", end, *"tx off tso off gso off gro off".split())
        namespace.ip("link", "set", end, "up")
