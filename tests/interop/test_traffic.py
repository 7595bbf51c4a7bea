"""Everyday traffic across the router, over taps and over AF_PACKET, with one and two workers."""

import hashlib
import json
import os
import re
import socket

import pytest

from file_server import file_server
from network import LAN_HOST, LAN_ROUTER, WAN_HOST, WAN_ROUTER
from router import eventually

EVERYWHERE = pytest.mark.parametrize(
    "network",
    [
        ("net_tap", ()),
        ("net_tap", (0, 1)),
        ("net_af_packet", ()),
        ("net_af_packet", (0, 1)),
    ],
    ids=["tap-1-worker", "tap-2-workers", "af_packet-1-worker", "af_packet-2-workers"],
    indirect=True,
)


# rfc1812: 4.2.1/a, 5.3.1/a, 3.3.3, 4.3.1
@EVERYWHERE
def test_everyday_traffic_crosses(network):
    """One router a combination: starting it costs more than its pings."""
    for size in (56, 1472):
        network.ping(size=size)
        network.ping(source=network.wan, target=LAN_HOST, size=size)
        network.ping(target=LAN_ROUTER, size=size)
        network.ping(target=WAN_ROUTER, size=size)
    traceroute_names_the_router_and_the_host(network)
    a_large_file_arrives_intact(network)
    iperf3_runs_both_ways(network)


def traceroute_names_the_router_and_the_host(network):
    out = network.lan.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "4", WAN_HOST).stdout
    hops = re.findall(r"^ *\d+  (\S+)", out, re.MULTILINE)
    assert hops == [LAN_ROUTER, WAN_HOST], out


def a_large_file_arrives_intact(network, size=64 << 20):
    data = os.urandom(1 << 20) * (size >> 20)
    want = hashlib.sha256(data).hexdigest()
    with file_server(network.wan, WAN_HOST, data):
        path = network.router.folder / "received"
        network.lan.run("curl", "-sS", "-m", "120", "-o", path, f"http://{WAN_HOST}:8080/", timeout=130)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == want
        path.unlink()


def iperf3_runs_both_ways(network, seconds=2):
    server = network.wan.start("iperf3", "-s", stdout=-3, stderr=-3)
    try:
        for direction in ([], ["-R"]):

            def received(direction=direction):
                done = network.lan.run(
                    *("iperf3", "-J", "-c", WAN_HOST, "-t", seconds, *direction),
                    check=False,
                    timeout=60,
                )
                # While its server starts, or ends the run before, it answers with an error.
                answer = json.loads(done.stdout or "{}")
                return answer.get("end", {}).get("sum_received", {}).get("bytes", 0)

            assert eventually(received, 30, "iperf3 runs", every=0.2) > 1_000_000
    finally:
        server.terminate()
        server.wait()


# rfc1812: 4.3.3.1/a, 4.3.3.1/c
def test_unreachable_destinations_are_answered(network):
    no_route = network.ping(target="192.0.2.1", count=1, check=False).stdout
    assert f"From {LAN_ROUTER}" in no_route and "Destination Net Unreachable" in no_route, no_route
    absent = network.lan.run("ping", "-n", "-c", 1, "-W", 8, "10.2.0.77", check=False).stdout
    assert f"From {LAN_ROUTER}" in absent and "Destination Host Unreachable" in absent, absent


# rfc1812: 4.2.1/d
def test_a_blackhole_is_silent_and_counted(network):
    config = network.config
    config["static"]["routes"]["10.99.0.0/16"] = {"blackhole": True}
    network.router.apply(config)
    done = network.ping(target="10.99.1.1", count=2, check=False)
    assert "Unreachable" not in done.stdout and " 0 received" in done.stdout, done.stdout
    drops = {drop["reason"]: drop["packets"] for drop in network.router.show("drops")}
    assert drops["ip4-blackhole"] == 2


# rfc1812: 4.3.3.6/f, 10.3.2.7/d
def test_the_router_pings_with_its_own_stack(network):
    done = network.router.ctl("ping", WAN_HOST, "-c", 3, "-i", "50ms", "-o", "json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["sent"] == 3 and lines[-1]["received"] == 3, done.stdout
    assert [line["sequence"] for line in lines[:-1]] == [lines[0]["sequence"] + i for i in range(3)]
    nowhere = network.router.ctl("ping", "192.0.2.1", "-c", 1, "-W", "500ms", check=False)
    assert nowhere.returncode == 1


def test_closed_ports_of_the_router_are_answered(network):
    """The last hop of a traceroute to the router itself depends on it."""
    out = network.lan.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "3", WAN_ROUTER).stdout
    assert re.findall(r"^ *\d+  (\S+)", out, re.MULTILINE) == [WAN_ROUTER], out
    with network.lan.socket(kind=socket.SOCK_STREAM) as client:
        client.settimeout(5)
        with pytest.raises(ConnectionRefusedError):
            client.connect((WAN_ROUTER, 81))


def test_counters_of_the_router_are_those_of_the_wire(network):
    before = network.router.interface("lan0")
    network.ping(count=20)
    after = network.router.interface("lan0")
    # 20 echo requests of 98 bytes, and perhaps ARP.
    packets = after["rx-packets"] - before["rx-packets"]
    assert 20 <= packets <= 24
    assert after["rx-bytes"] - before["rx-bytes"] >= 20 * 98
