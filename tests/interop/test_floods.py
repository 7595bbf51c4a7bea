"""What a flood from one host costs everybody else: nothing.

While one runs, a numbered stream crosses the router by the flooded port and loses nothing, a ping to
the router that began before is answered to the end, and the memory of both halves and the packet
pool stay flat.

FLOOD_SECONDS is the length of each flood, FLOOD_RATE its frames a second.
"""

import os
import pathlib
import re
import time

import pytest

from flood import Flood, Sender
from frames import Link
from network import LAN_HOST, LAN_ROUTER, WAN_HOST, Network
from router import eventually
from stream import CountedStream

FLOOD_SECONDS = float(os.environ.get("FLOOD_SECONDS", "20"))
FLOOD_RATE = int(os.environ.get("FLOOD_RATE", "20000"))
FRAMES = 60_000  # that differ: senders, numbers and ports repeat every few seconds only
SUBNET = "10.1.0.0/16"
MAY_GROW_KIB = 4096
MAY_GROW_BUFFERS = 512  # bursts of the flood that are on their way when somebody looks

FLOODS = {
    "expired time to live": lambda sender: sender.expired(WAN_HOST),
    "fragments that never complete": lambda sender: sender.lonely_fragment(LAN_ROUTER),
    "ARP requests of random senders": lambda sender: sender.arp_request(LAN_ROUTER),
    "closed ports": lambda sender: sender.to_a_closed_port(LAN_ROUTER),
}
MAX_NEIGHBORS = 4096  # on an interface, unless the configuration says otherwise


@pytest.fixture(name="flooded")
def flooded_fixture():
    """The router with a wide subnet on the flooded side, and receive queues that bridge the moments
    in which a busy machine gives its worker no time."""
    with Network("net_af_packet") as network:
        network.config["interfaces"]["lan0"]["addresses"] = [f"{LAN_ROUTER}/16"]
        for interface in network.config["interfaces"].values():
            interface["rx-descriptors"] = 8192
        network.start()
        network.ping()
        yield network
        # Fragments that wait are in flight, for a minute at most (RFC 1122 3.3.2).
        eventually(lambda: network.router.limit("fragments")["used"] == 0, 75, "no fragment waits")
        network.router.assert_ledger_balances()
        network.router.stop()


def resident_kib(router):
    """By half: VmRSS."""
    halves = ("godwit-dataplane", "godwit-controlplane")
    statuses = {half: pathlib.Path(f"/proc/{router.pid_of(half)}/status") for half in halves}
    return {
        half: int(re.search(r"VmRSS:\s+(\d+) kB", status.read_text(encoding="ascii"))[1])
        for half, status in statuses.items()
    }


def sender_of(network, seed):
    with Link(network.lan) as link:
        router_mac = network.router.interface("lan0")["mac"]
        return Sender(link.mac, router_mac, SUBNET, LAN_HOST, seed)


# rfc1812: 4.3.2.8/b, 5.3.6/b, 10.4.1/e
@pytest.mark.alone
@pytest.mark.parametrize("kind", FLOODS, ids=lambda kind: kind.replace(" ", "-"))
def test_a_flood_costs_nobody_else_anything(flooded, kind):
    router = flooded.router
    seed = int(time.time())
    print(f"seed {seed}")
    sender = sender_of(flooded, seed)
    frames = [FLOODS[kind](sender) for _ in range(FRAMES)]
    halves = (router.pid_of("godwit-dataplane"), router.pid_of("godwit-controlplane"))

    pings = int((FLOOD_SECONDS + 2) * 5)
    with (
        flooded.lan.start(
            *("ping", "-n", "-q", "-i", "0.2", "-c", pings, "-W", "2", LAN_ROUTER),
            stdout=-1,
            text=True,
        ) as ping,
        CountedStream(flooded.lan, flooded.wan, WAN_HOST, rate=1000) as stream,
    ):
        stream.run_for(1)
        with Flood(flooded.lan, frames, FLOOD_RATE) as flood:
            # Tables fill first; what grows after that would grow for ever.
            time.sleep(FLOOD_SECONDS / 3)
            before, pool_before = resident_kib(router), router.limit("packet-buffers")
            time.sleep(FLOOD_SECONDS * 2 / 3)
            after, pool_after = resident_kib(router), router.limit("packet-buffers")
        answers = ping.communicate(timeout=FLOOD_SECONDS + 20)[0]
        stream.finish()

    print(
        f"{flood.sent} frames in {FLOOD_SECONDS:g} s; stream: {stream.sent} sent, "
        f"{len(stream.lost)} lost; {answers.strip().splitlines()[-2]}; KiB {before}, then {after}; "
        f"pool {pool_before}, then {pool_after}"
    )
    assert flood.sent > FLOOD_SECONDS * FLOOD_RATE / 2, "the flood was none"
    stream.assert_nothing_lost()
    assert f"{pings} packets transmitted, {pings} received" in answers, answers
    for half, size in after.items():
        assert size - before[half] < MAY_GROW_KIB, f"{half}: {before[half]} KiB, then {size} KiB"
    grown = pool_after["used"] - pool_before["used"]
    assert grown < MAY_GROW_BUFFERS, f"{pool_before}, then {pool_after}"
    assert pool_after["refused"] == 0, f"the pool was empty: {pool_after}"
    assert halves == (router.pid_of("godwit-dataplane"), router.pid_of("godwit-controlplane"))
    assert len(router.show("neighbors")) <= MAX_NEIGHBORS + 2, "more neighbours than the limit"
    flooded.ping()
