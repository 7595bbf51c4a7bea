"""The router's own TCP and UDP against Linux: as server and as client, over links that lose, shrink
and break. The control plane is godwit-controlplane with a service on its stack
(tests/interop/service)."""

import copy
import hashlib
import http.server
import os
import pathlib
import re
import socket
import struct
import tempfile
import threading
import time

import pytest

import router as router_module
from namespaces import Namespace, connect
from network import LAN_ROUTER, WAN_HOST, Network
from router import eventually

SERVICE = router_module.BUILD / "tests/interop/service/stranger-service"
MIB = 1 << 20
TCP_MD5SIG = 14  # linux/tcp.h
# The whole of it is for a machine of its own: GODWIT_INTEROP_BYTES=1073741824.
MUCH = int(os.environ.get("GODWIT_INTEROP_BYTES", 64 * MIB))


def known_bytes(count):
    """What /bytes/N sends, in parts of 64 KiB: see service.hpp."""
    first = bytes(j * 167 % 256 for j in range(65536))
    turned = [first.translate(bytes((i + turn) % 256 for i in range(256))) for turn in range(256)]
    for begin in range(0, count, 65536):
        yield turned[(begin >> 16) % 256][: count - begin]


def digest_of(count):
    digest = hashlib.sha256()
    for part in known_bytes(count):
        digest.update(part)
    return f"{count} {digest.hexdigest()}"


@pytest.fixture(name="network")
def network_fixture(request):
    with Network("net_af_packet") as made:
        made.router.controlplane = SERVICE
        made.start()
        yield made
        if not getattr(request.node, "call_failed", True):
            made.router.assert_ledger_balances()
            made.router.stop()


def shell(namespace, line, timeout=600, check=True):
    return namespace.run("bash", "-o", "pipefail", "-c", line, timeout=timeout, check=check)


def download(namespace, count, router=LAN_ROUTER, timeout=600):
    line = f"curl -sS --fail http://{router}/bytes/{count} | sha256sum"
    return f"{count} {shell(namespace, line, timeout).stdout.split()[0]}"


class Upload:
    """POST /count of the known bytes, from a file, by curl."""

    def __init__(self, count):
        self.count = count
        self.file = tempfile.NamedTemporaryFile(prefix="godwit-upload-")
        for part in known_bytes(count):
            self.file.write(part)
        self.file.flush()

    def run(self, namespace, timeout=600):
        line = f"curl -sS --fail -X POST -T {self.file.name} http://{LAN_ROUTER}/count"
        return shell(namespace, line, timeout).stdout.strip()


def wait_for_connection(router):
    eventually(
        lambda: router.show("status")["transports"]["tcp"]["curr-estab"] > 0, 10, "a connection"
    )


class Background:
    """A function that runs beside the test; result() gives what it gave, or raises what it did."""

    def __init__(self, function, *arguments):
        self._outcome = None
        self._error = None

        def work():
            try:
                self._outcome = function(*arguments)
            except BaseException as error:  # pylint: disable=broad-except
                self._error = error

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def result(self, timeout=600):
        self._thread.join(timeout)
        assert not self._thread.is_alive(), f"not within {timeout} s"
        if self._error is not None:
            raise self._error
        return self._outcome


def lose(namespace, percent):
    """A random part of what the namespace receives and sends is lost."""
    rules = "; ".join(
        f"add chain ip loss {hook} {{ type filter hook {hook} priority 0; }}; "
        f"add rule ip loss {hook} numgen random mod 100 < {percent} drop"
        for hook in ("input", "output")
    )
    namespace.run("nft", f"add table ip loss; {rules}")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_linux_downloads_what_we_serve(network):
    begun = time.monotonic()
    assert download(network.lan, MUCH) == digest_of(MUCH)
    print(f"{MUCH / MIB / (time.monotonic() - begun):.1f} MiB/s to Linux")


def test_linux_uploads_what_we_count(network):
    upload = Upload(MUCH)
    begun = time.monotonic()
    assert upload.run(network.lan) == digest_of(MUCH)
    print(f"{MUCH / MIB / (time.monotonic() - begun):.1f} MiB/s from Linux")


def test_both_ways_at_once(network):
    upload = Upload(16 * MIB)
    sending = Background(upload.run, network.lan)
    assert download(network.wan, 16 * MIB, router="10.2.0.1") == digest_of(16 * MIB)
    assert sending.result() == digest_of(16 * MIB)


class Files(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        count = int(self.path.strip("/"))
        self.send_response(200)
        self.send_header("Content-Length", str(count))
        self.end_headers()
        for part in known_bytes(count):
            self.wfile.write(part)

    def log_message(self, *_):
        pass


def test_we_are_the_client_of_linux(network):
    server = network.wan.inside(lambda: http.server.ThreadingHTTPServer((WAN_HOST, 8080), Files))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        line = f"curl -sS --fail http://{LAN_ROUTER}/fetch/{WAN_HOST}/8080/{8 * MIB}"
        assert shell(network.lan, line).stdout.strip() == digest_of(8 * MIB)
        # Nobody listens there: we are refused, and say so by ending without an answer.
        line = f"curl -sS --fail http://{LAN_ROUTER}/fetch/{WAN_HOST}/8081/1"
        assert shell(network.lan, line, check=False).returncode != 0
    finally:
        server.shutdown()
        server.server_close()


def test_half_a_connection_may_be_closed(network):
    # -N: our half is shut down at the end of the input; what comes back is read to its end.
    line = f"head -c 300000 /dev/zero | tr '\\0' 'x' | nc -N -w 20 {LAN_ROUTER} 7 | sha256sum"
    expected = hashlib.sha256(b"x" * 300000).hexdigest()
    assert shell(network.lan, line, 60).stdout.split()[0] == expected


def test_a_thousand_connections_at_once(network):
    connections = []
    try:
        # One thread enters the namespace, and makes all of them.
        connections[:] = network.lan.inside(
            lambda: [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(1000)]
        )
        for one in connections:
            one.settimeout(60)
            one.connect((LAN_ROUTER, 7))
        for number, one in enumerate(connections):
            one.sendall(f"{number:>8}".encode() * 100)
        for number, one in enumerate(connections):
            expected = f"{number:>8}".encode() * 100
            heard = b""
            while len(heard) < len(expected):
                part = one.recv(65536)
                assert part, f"connection {number} ended"
                heard += part
            assert heard == expected
    finally:
        for one in connections:
            one.close()


@pytest.mark.parametrize("percent, count", [(1, 8 * MIB), (5, 2 * MIB), (20, 64 * 1024)])
def test_bytes_survive_loss_both_ways(network, percent, count):
    lose(network.lan, percent)
    assert download(network.lan, count) == digest_of(count)
    assert Upload(count).run(network.lan) == digest_of(count)


def test_the_way_becomes_narrow_in_the_middle(network):
    """lan asks a host that is two links away; the far one shrinks while bytes flow."""
    with Namespace("far") as far:
        connect(network.wan, "eth1", far)
        network.wan.ip("address", "add", "10.3.0.1/24", "dev", "eth1")
        network.wan.run("sysctl", "-q", "net.ipv4.ip_forward=1")
        far.ip("address", "add", "10.3.0.2/24", "dev", "eth0")
        far.ip("route", "add", "default", "via", "10.3.0.1")
        network.config["static"]["routes"]["10.3.0.0/24"] = {"via": WAN_HOST}
        network.router.apply(network.config)
        network.router.wait_until_ready()

        count = 24 * MIB
        downloading = Background(download, far, count, "10.2.0.1")
        wait_for_connection(network.router)
        network.wan.ip("link", "set", "eth1", "mtu", "1000")
        assert downloading.result(120) == digest_of(count)
        # A new connection knows from its first segment on.
        assert download(far, MIB, router="10.2.0.1") == digest_of(MIB)
        host = network.router.show("status")["host"]
        assert host["tcp-error"] >= 1, host


def test_an_mtu_that_is_applied_reaches_connections_that_stand(network):
    """Both directions of the change; no router on the way has to tell of it."""
    count = 48 * MIB
    downloading = Background(
        shell,
        network.lan,
        f"curl -sS --fail --limit-rate 8M http://{LAN_ROUTER}/bytes/{count} | sha256sum",
    )

    def segment_bytes():
        rows = [s for s in network.router.show("sockets") if s["state"] == "established"]
        return rows[0]["segment-bytes"] if rows else None

    eventually(lambda: segment_bytes() == 1448, 10, "the connection stands")
    smaller = copy.deepcopy(network.config)
    smaller["interfaces"]["lan0"]["mtu"] = 1000
    network.router.apply(smaller)
    assert segment_bytes() == 1000 - 40 - 12
    network.router.apply(network.config)
    eventually(lambda: segment_bytes() == 1448, 10, "a larger segment was tried, and passed")
    assert f"{count} {downloading.result(120).stdout.split()[0]}" == digest_of(count)
    assert network.router.show("status")["host"]["tcp-error"] == 0


def test_a_peer_that_is_killed_leaves_nothing_behind(network):
    client = network.lan.start(
        *("curl", "-s", "-o", "/dev/null", "--limit-rate", "100k"),
        f"http://{LAN_ROUTER}/bytes/{64 * MIB}",
    )
    eventually(
        lambda: any(s["state"] == "established" for s in network.router.show("sockets")),
        10,
        "the connection stands",
    )
    client.kill()
    client.wait()
    eventually(
        lambda: not any(s["state"] == "established" for s in network.router.show("sockets")),
        10,
        "the connection is gone",
    )


def test_a_cable_that_is_pulled_costs_time_and_no_byte(network):
    """For 5 s; GODWIT_INTEROP_PULLED_SECONDS=60 is the whole of it."""
    count = 48 * MIB
    downloading = Background(download, network.lan, count)
    wait_for_connection(network.router)
    network.lan.ip("link", "set", "eth0", "down")
    time.sleep(float(os.environ.get("GODWIT_INTEROP_PULLED_SECONDS", 5)))
    network.lan.ip("link", "set", "eth0", "up")
    network.lan.ip("route", "replace", "default", "via", LAN_ROUTER)
    assert downloading.result(180) == digest_of(count)


def test_a_session_outlives_the_dataplane(network):
    """For ten seconds it is killed as soon as it is there; then a byte count is right."""
    count = 48 * MIB
    router = network.router
    downloading = Background(download, network.lan, count)
    wait_for_connection(router)
    end = time.monotonic() + 10
    kills = 0
    while time.monotonic() < end:
        pid = router.pid_of("godwit-dataplane")
        if pid is not None:
            os.kill(pid, 9)
            kills += 1
        time.sleep(0.05)
    assert kills >= 1
    assert downloading.result(180) == digest_of(count)
    router.wait_until_ready(30)


def test_strangers_cannot_guess_numbers(network):
    """nmap -O measures how initial sequence numbers and IP identifications are made."""
    done = network.lan.run(
        *("nmap", "-n", "-Pn", "-O", "--max-os-tries", "1", "-p", "7,80,81", "-oX", "-", LAN_ROUTER),
        timeout=300,
    ).stdout
    sequence = re.search(r'<tcpsequence index="(\d+)" difficulty="([^"]*)"', done)
    assert sequence, done
    assert int(sequence[1]) >= 200, sequence[0]  # nmap's "Good luck!" begins above
    identification = re.search(r'<ipidsequence class="([^"]*)"', done)
    assert identification and "ncremental" not in identification[1].replace("Broken little", ""), done
    print(sequence[0], identification[0])


def signed_socket(namespace, key):
    """A kernel's TCP socket whose segments to and from the router are signed (RFC 2385)."""
    one = namespace.socket(kind=socket.SOCK_STREAM)
    address = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(LAN_ROUTER)) + bytes(112)
    padded = key.ljust(80, b"\0")
    one.setsockopt(
        socket.IPPROTO_TCP, TCP_MD5SIG, address + struct.pack("=BBHi", 0, 0, len(key), 0) + padded
    )
    one.settimeout(20)
    return one


def test_the_kernel_signs_as_we_do(network):
    with signed_socket(network.lan, b"secret") as one:
        one.connect((LAN_ROUTER, 179))
        one.sendall(b"x" * 100000)
        one.shutdown(socket.SHUT_WR)
        heard = b""
        while part := one.recv(65536):
            heard += part
        assert heard == b"x" * 100000
    for stranger in (signed_socket(network.lan, b"guess"), network.lan.socket(kind=socket.SOCK_STREAM)):
        with stranger:
            stranger.settimeout(3)
            # Not even a reset: nothing says that somebody listens.
            with pytest.raises(socket.timeout):
                stranger.connect((LAN_ROUTER, 179))


def test_udp_ports_are_ours_or_unreachable(network):
    sender = network.lan.socket()
    sender.settimeout(5)
    sender.connect((LAN_ROUTER, 4711))
    sender.send(b"x")
    with pytest.raises(ConnectionRefusedError):
        sender.recv(100)
    assert network.router.show("status")["host"]["port-unreachable-sent"] >= 1


@pytest.mark.alone
def test_idle_connections_cost_no_time(network):
    connections = network.lan.inside(
        lambda: [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(500)]
    )
    try:
        for one in connections:
            one.connect((LAN_ROUTER, 7))
        time.sleep(1)
        pid = network.router.pid_of("stranger-service")
        before = cpu_seconds(pid)
        time.sleep(3)
        assert cpu_seconds(pid) - before < 0.3
    finally:
        for one in connections:
            one.close()
