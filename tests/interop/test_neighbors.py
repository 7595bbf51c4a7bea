"""Neighbours on real links: packets that wait for a silent host, addresses that two have, RARP, proxy
ARP, and a sweep of addresses where nobody is.
"""

import copy
import time

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether

from frames import Link
from network import LAN_HOST, LAN_ROUTER, WAN_HOST, WAN_ROUTER
from router import eventually
from stream import CountedStream

BROADCAST = "ff:ff:ff:ff:ff:ff"
NOBODY = "00:00:00:00:00:00"
A_BURST = 64  # packets that may be on their way when somebody looks


def drops(router):
    return {drop["reason"]: drop["packets"] for drop in router.show("drops")}


def neighbor(router, address):
    return {one["address"]: one for one in router.show("neighbors")}.get(address)


def changed(network, change):
    """The configuration with a change, applied."""
    config = copy.deepcopy(network.config)
    change(config["interfaces"])
    network.router.apply(config)
    return config


def arp(frame, **fields):
    """Whether a frame is an ARP message with these fields."""
    packet = Ether(frame)
    return ARP in packet and all(getattr(packet[ARP], key) == value for key, value in fields.items())


# rfc1812: 3.3.2/b, 3.3.2/c
def test_what_is_sent_to_a_silent_neighbour_arrives_once_it_answers(network):
    host = "10.2.0.50"
    router_mac = network.router.interface("wan0")["mac"]
    with Link(network.wan) as link, network.lan.socket() as sender:
        for number in range(8):
            sender.sendto(b"held %d" % number, (host, 4000))
        asked = [link.receive(lambda f: arp(f, op=1, pdst=host, psrc=WAN_ROUTER)) for _ in range(2)]
        assert None not in asked, "asked again after a second"
        state = neighbor(network.router, host)
        assert state["state"] == "incomplete" and state["held-packets"] == 8, state
        link.send(
            Ether(src=link.mac, dst=router_mac)
            / ARP(op=2, hwsrc=link.mac, psrc=host, hwdst=router_mac, pdst=WAN_ROUTER)
        )
        arrived = []
        for _ in range(8):
            frame = link.receive(lambda f: UDP in Ether(f) and Ether(f)[IP].dst == host)
            assert frame is not None, f"only {arrived} arrived"
            arrived.append(bytes(Ether(frame)[UDP].payload)[:6])
        assert arrived == [b"held %d" % number for number in range(8)]
    state = neighbor(network.router, host)
    assert state["state"] == "reachable" and state["held-packets"] == 0, state
    eventually(lambda: neighbor(network.router, host)["hits"] == 8, 2, "eight packets left for it")


# rfc1812: 4.3.3.1/c, 3.3.2/c
def test_who_sends_to_nobody_is_told_so(network):
    with Link(network.lan) as link, network.lan.socket() as sender:
        sender.sendto(b"to nobody", ("10.2.0.51", 4000))
        error = link.receive(lambda f: ICMP in Ether(f) and Ether(f)[ICMP].type == 3, timeout=6)
        assert error is not None and Ether(error)[ICMP].code == 1
        assert Ether(error)[IP].src == LAN_ROUTER
    assert neighbor(network.router, "10.2.0.51")["state"] == "failed"


# rfc5227: 2.4
# rfc1812: 10.3.2.5/d
def test_a_host_that_claims_our_address_meets_one_announcement_in_ten_seconds(network):
    router_mac = network.router.interface("lan0")["mac"]
    network.ping()
    time.sleep(2.5)  # the announcements of the start are over
    with Link(network.lan) as link:
        claim = Ether(src="02:00:00:00:0f:01", dst=BROADCAST) / ARP(
            op=1, hwsrc="02:00:00:00:0f:01", psrc=LAN_ROUTER, pdst="10.1.0.77"
        )
        link.send(claim)
        announced = link.receive(lambda f: arp(f, op=1, psrc=LAN_ROUTER, pdst=LAN_ROUTER))
        assert announced is not None and Ether(announced).dst == BROADCAST
        assert Ether(announced)[ARP].hwsrc == router_mac
        for _ in range(5):
            link.send(claim)
        again = link.receive(lambda f: arp(f, psrc=LAN_ROUTER, pdst=LAN_ROUTER), timeout=1)
        assert again is None, "two that defend must not do it for ever"
    said = "02:00:00:00:0f:01 uses our address 10.1.0.1"
    eventually(lambda: said in network.router.log(), 2, "a line in the log")
    assert network.router.limit("address-conflicts")["refused"] == 6
    network.ping()


# rfc5227: 2.1.1, 2.3
def test_an_address_is_proved_free_before_it_is_used(network):
    """One new address is free, the other another host's, who says so when it is probed."""
    free, taken = "10.1.0.98", "10.1.0.99"

    def change(interfaces):
        interfaces["lan0"]["conflict-detection"] = "probe"
        interfaces["lan0"]["addresses"] += [f"{free}/24", f"{taken}/24"]

    with Link(network.lan) as link:
        changed(network, change)
        probe = link.receive(lambda f: arp(f, op=1, pdst=taken, psrc="0.0.0.0"))
        assert probe is not None and Ether(probe).dst == BROADCAST
        assert Ether(probe)[ARP].hwdst == NOBODY
        link.send(
            Ether(src="02:00:00:00:0f:02", dst=Ether(probe).src)
            / ARP(op=2, hwsrc="02:00:00:00:0f:02", psrc=taken, hwdst=Ether(probe).src, pdst="0.0.0.0")
        )
        announced = link.receive(lambda f: arp(f, op=1, psrc=free, pdst=free), timeout=10)
        assert announced is not None, network.router.log()
        ask = Ether(src=link.mac, dst=BROADCAST)
        for address, answers in ((free, True), (taken, False)):
            link.send(ask / ARP(op=1, hwsrc=link.mac, psrc=LAN_HOST, pdst=address))
            reply = link.receive(lambda f, a=address: arp(f, op=2, psrc=a), timeout=2)
            assert (reply is not None) == answers, address
        link.send(
            Ether(src=link.mac, dst=Ether(probe).src) / IP(src=LAN_HOST, dst=taken) / ICMP(id=9)
        )
        assert link.receive(lambda f: ICMP in Ether(f), timeout=1) is None
    network.ping(target=free)
    network.ping(target=LAN_ROUTER)
    assert drops(network.router)["ip4-not-yet-ours"] == 1
    said = f"so that we do not use, our address {taken}"
    eventually(lambda: said in network.router.log(), 2, "a line in the log")
    own = network.router.limit("own-addresses")
    assert (own["used"], own["capacity"], own["refused"]) == (3, 4, 1), own


# rfc5227: 2.1.1
def test_a_host_that_probes_for_our_address_learns_that_it_is_taken(network):
    with Link(network.lan) as link:
        probe = ARP(op=1, hwsrc="02:00:00:00:0f:03", psrc="0.0.0.0", pdst=LAN_ROUTER)
        link.send(Ether(src="02:00:00:00:0f:03", dst=BROADCAST) / probe)
        assert link.receive(lambda f: arp(f, op=2, psrc=LAN_ROUTER)) is not None


# rfc903: III
def test_a_rarp_client_is_told_its_address_and_a_stranger_nothing(network):
    client, stranger = "02:00:00:00:0a:01", "02:00:00:00:0a:02"

    def change(interfaces):
        interfaces["lan0"]["rarp"] = {client: "10.1.0.51"}

    changed(network, change)
    router_mac = network.router.interface("lan0")["mac"]

    def ask(link, mac):
        # As a real client sends it: padded to the least frame, its protocol addresses zero.
        frame = bytes(Ether(src=mac, dst=BROADCAST, type=0x8035)) + bytes(
            ARP(op=3, hwsrc=mac, psrc="0.0.0.0", hwdst=mac, pdst="0.0.0.0")
        )
        link.send(frame.ljust(60, b"\0"))
        return link.receive(lambda f: f[12:14] == b"\x80\x35" and f[21] == 4, timeout=2)

    with Link(network.lan) as link:
        answer = ask(link, client)
        assert answer is not None
        told = ARP(answer[14:])
        assert (told.hwsrc, told.psrc) == (router_mac, LAN_ROUTER)
        assert (told.hwdst, told.pdst) == (client, "10.1.0.51")
        assert Ether(answer).dst == client
        assert ask(link, stranger) is None
    assert drops(network.router)["rarp-unknown"] == 1


def test_proxy_arp_answers_for_the_other_side_and_not_for_this_one(network):
    changed(network, lambda interfaces: interfaces["lan0"].update({"proxy-arp": True}))
    router_mac = network.router.interface("lan0")["mac"]
    with Link(network.lan) as link:
        for address, answers in ((WAN_HOST, True), ("10.1.0.77", False), ("172.16.0.1", False)):
            link.send(
                Ether(src=link.mac, dst=BROADCAST)
                / ARP(op=1, hwsrc=link.mac, psrc=LAN_HOST, pdst=address)
            )
            reply = link.receive(lambda f, a=address: arp(f, op=2, psrc=a), timeout=1)
            assert (reply is not None) == answers, address
            assert reply is None or Ether(reply)[ARP].hwsrc == router_mac


def test_neighbours_survive_a_change_that_does_not_concern_them(network):
    network.ping()
    before = neighbor(network.router, WAN_HOST)
    assert before["state"] in ("reachable", "probe")
    changed(network, lambda interfaces: interfaces["lan0"]["addresses"].append("10.77.0.1/24"))
    after = neighbor(network.router, WAN_HOST)
    assert after["mac"] == before["mac"] and after["hits"] >= before["hits"] > 0


def test_a_static_neighbour_is_moved_by_nobody(network):
    config = copy.deepcopy(network.config)
    config["static"]["neighbors"] = {
        "10.2.0.60": {"interface": "wan0", "mac": "02:00:00:00:0c:01"}
    }
    network.router.apply(config)
    with Link(network.wan) as link:
        for target in ("10.2.0.60", WAN_ROUTER):
            link.send(
                Ether(src=link.mac, dst=BROADCAST)
                / ARP(op=1, hwsrc=link.mac, psrc="10.2.0.60", pdst=target)
            )
        time.sleep(0.5)
        state = neighbor(network.router, "10.2.0.60")
        assert (state["state"], state["mac"]) == ("permanent", "02:00:00:00:0c:01")


@pytest.mark.alone
@pytest.mark.parametrize("network", [("net_af_packet", ())], indirect=True)
def test_a_sweep_of_ten_thousand_addresses_costs_nobody_else_anything(network):
    changed(network, lambda interfaces: interfaces["wan0"]["addresses"].append("10.64.0.1/16"))
    network.wan.ip("address", "add", "10.64.250.1/16", "dev", "eth0")
    network.ping()
    before = drops(network.router)
    pool = network.router.limit("packet-buffers")
    peak = 0
    with CountedStream(network.lan, network.wan, WAN_HOST, rate=500) as stream:
        stream.run_for(1)
        with network.lan.socket() as sweeper:
            for number in range(10_000):
                address = f"10.64.{number // 250}.{number % 250 + 2}"
                sweeper.sendto(b"anybody there?", (address, 9))
                if number % 100 == 99:
                    time.sleep(0.02)
                if number % 2500 == 1249:
                    peak = max(peak, network.router.limit("held-packets")["used"])
        # A neighbour that is really there is found in the middle of it.
        network.ping(target="10.64.250.1", count=5, check=False)
        stream.run_for(1)
        stream.finish()
        stream.assert_nothing_lost()
    held = network.router.limit("held-packets")
    assert 0 < peak <= held["capacity"], (peak, held)
    assert drops(network.router).get("no-buffer", 0) == before.get("no-buffer", 0)
    for address in (LAN_HOST, WAN_HOST):
        state = neighbor(network.router, address)
        assert state is not None and state["state"] in ("reachable", "probe"), (address, state)
    eventually(lambda: network.router.limit("held-packets")["used"] == 0, 15, "nothing waits")
    network.ping(target="10.64.250.1")
    neighbors = network.router.limit("neighbors")
    assert neighbors["used"] < 4096 + 10, neighbors
    # The pool is as it was, had room all the time, and nobody found it empty.
    after = network.router.limit("packet-buffers")
    assert after["used"] <= pool["used"] + A_BURST, (pool, after)
    assert after["most-used"] < after["capacity"] / 4 and after["refused"] == 0, after


def test_an_interface_remembers_no_more_neighbours_than_it_may(network):
    changed(network, lambda interfaces: interfaces["lan0"].update({"max-neighbors": 20}))
    router_mac = network.router.interface("lan0")["mac"]
    network.ping()
    with Link(network.lan) as link:
        for number in range(200):
            mac = f"02:00:00:01:00:{number:02x}"
            link.send(
                Ether(src=mac, dst=router_mac)
                / ARP(op=1, hwsrc=mac, psrc=f"10.1.0.{number % 200 + 20}", pdst=LAN_ROUTER)
            )
    time.sleep(0.5)
    rows = [one for one in network.router.show("neighbors") if one["interface"] == "lan0"]
    assert len(rows) <= 20, len(rows)
    assert LAN_HOST in {row["address"] for row in rows}, "which is in use"
    network.ping()
