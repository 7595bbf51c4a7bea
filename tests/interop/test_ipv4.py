"""IPv4 as Linux and its tools see it: large datagrams, path MTU, traceroutes, options, fragments that
attack, and sources that cannot be."""

import copy
import re
import time

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_LSRR
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from frames import Link
from network import LAN_HOST, LAN_ROUTER, WAN_HOST, WAN_ROUTER
from router import eventually

SMALL_MTU = 1400


def drops(router):
    return {drop["reason"]: drop["packets"] for drop in router.show("drops")}


def dropped(router, before, *beginnings):
    """Packets dropped since `before` for reasons that begin so."""
    return sum(
        count - before.get(reason, 0)
        for reason, count in drops(router).items()
        if reason.startswith(beginnings)
    )


def changed(network, **interfaces):
    """Applies further keys of interfaces: lan0={"mtu": 1400}."""
    config = copy.deepcopy(network.config)
    for name, keys in interfaces.items():
        config["interfaces"][name].update(keys)
    network.router.apply(config)
    return config


def frame_to_router(network, link, datagram):
    return Ether(src=link.mac, dst=network.router.interface("lan0")["mac"]) / datagram


def is_from(source, kind):
    """A frame that carries IPv4 from `source` with a layer of `kind`."""

    def wanted(frame):
        packet = Ether(frame)
        return IP in packet and packet[IP].src == source and kind in packet

    return wanted


# ---- large datagrams


# rfc1812: 4.2.2.7/a, 4.2.2.8, 4.3.3.6/b, 4.3.3.6/h, 5.2.6/a, 5.2.6/b
@pytest.mark.parametrize("mtu", [1500, SMALL_MTU])
def test_the_largest_ping_is_answered_by_the_router_and_by_a_host_behind_it(network, mtu):
    if mtu != 1500:
        changed(network, wan0={"mtu": mtu})
        # All on a link agree on its MTU: what is longer than its own, a device does not receive.
        network.wan.ip("link", "set", "eth0", "mtu", mtu)
    # Each of the three is the first that its neighbours hear, and arrives whole all the same.
    for target in (LAN_ROUTER, WAN_ROUTER, WAN_HOST):
        done = network.lan.run("ping", "-n", "-c", 3, "-i", "0.2", "-W", 3, "-s", 65507, target)
        assert " 3 received" in done.stdout, done.stdout
    # The other way round nothing is left to cut: the host behind the small MTU has done it.
    done = network.wan.run("ping", "-n", "-c", 3, "-i", "0.2", "-W", 3, "-s", 65507, LAN_HOST)
    assert " 3 received" in done.stdout, done.stdout


# rfc1812: 5.2.7.1/i, 3.3.4/a
def test_do_not_fragment_is_honoured_to_the_byte(network):
    network.ping(size=1472)
    assert " 1 received" not in network.ping(size=1473, count=1, check=False).stdout
    changed(network, wan0={"mtu": SMALL_MTU})
    network.ping(size=SMALL_MTU - 28)
    told = network.ping(size=SMALL_MTU - 27, count=1, check=False).stdout
    assert f"From {LAN_ROUTER}" in told and f"mtu = {SMALL_MTU}" in told, told


# rfc1812: 5.2.7.1/i
def test_the_mtu_of_the_path_is_found(network):
    """`traceroute --mtu` says F=1400 at the hop that told it."""
    changed(network, wan0={"mtu": SMALL_MTU})
    out = network.lan.run("traceroute", "-n", "--mtu", "-w", 2, "-m", 4, WAN_HOST).stdout
    assert f"F={SMALL_MTU}" in out and WAN_HOST in out.splitlines()[-1], out


# ---- traceroute


# rfc1812: 5.2.7.3/a, 4.3.3.4/a, 5.3.1/d
@pytest.mark.parametrize("probe", ["-I", "-U", "-T"])
def test_every_kind_of_traceroute_names_the_router_and_the_host(network, probe):
    for target, path in (
        (WAN_HOST, [LAN_ROUTER, WAN_HOST]),
        (WAN_ROUTER, [WAN_ROUTER]),
    ):
        out = network.lan.run("traceroute", "-n", probe, "-q", 1, "-w", 2, "-m", 4, target).stdout
        assert re.findall(r"^ *\d+  (\S+)", out, re.MULTILINE) == path, out


# ---- errors and replies of the router


# rfc1812: 5.2.7.1/b, 5.2.1/c
def test_protocols_and_ports_that_nobody_has_are_refused_by_name(network):
    network.ping(target=LAN_ROUTER, count=1)
    with Link(network.lan) as link:
        for payload, code in ((UDP(sport=4242, dport=4243) / b"x", 3), (Raw(b"x" * 16), 2)):
            # Without it the kernel of the client has an answer of its own to what comes back.
            datagram = IP(src="10.1.0.77", dst=LAN_ROUTER, proto=17 if code == 3 else 253) / payload
            resolve(network, link, "10.1.0.77")
            link.send(frame_to_router(network, link, datagram))
            told = link.receive(is_from(LAN_ROUTER, ICMP))
            assert told is not None, f"code {code}"
            assert (Ether(told)[ICMP].type, Ether(told)[ICMP].code) == (3, code)
            # It comes back as it was sent (RFC 1812 4.3.2.3): on its way to the control plane
            # nothing of it was changed, not even the time to live.
            quoted = bytes(Ether(told)[ICMP])[8:]
            assert quoted == bytes(IP(bytes(datagram)))


def resolve(network, link, address):
    """Makes a host without a kernel known to the router."""
    router_mac = network.router.interface("lan0")["mac"]
    link.send(
        Ether(src=link.mac, dst="ff:ff:ff:ff:ff:ff")
        / ARP(op=1, hwsrc=link.mac, psrc=address, pdst=LAN_ROUTER)
    )
    assert link.receive(lambda f: ARP in Ether(f) and Ether(f)[ARP].op == 2) is not None

    def answer(frame):
        asked = Ether(frame)
        return ARP in asked and asked[ARP].op == 1 and asked[ARP].pdst == address

    # A request for us teaches the router its sender; it may confirm it before it speaks to it.
    if link.receive(answer, timeout=0.3) is not None:
        link.send(
            Ether(src=link.mac, dst=router_mac)
            / ARP(op=2, hwsrc=link.mac, psrc=address, hwdst=router_mac, pdst=LAN_ROUTER)
        )


# rfc1812: 4.3.3.8/a, 4.3.3.8/b, 4.3.3.8/e, 4.3.3.8/i
def test_a_timestamp_request_is_answered_with_the_time_of_day(network):
    network.ping(target=LAN_ROUTER, count=1)
    with Link(network.lan) as link:
        told = []
        for number in (1, 2):
            asked = IP(src=LAN_HOST, dst=LAN_ROUTER) / ICMP(
                type=13, id=7, seq=number, ts_ori=1000, ts_rx=0, ts_tx=0
            )
            link.send(frame_to_router(network, link, asked))
            reply = link.receive(is_from(LAN_ROUTER, ICMP))
            assert reply is not None
            reply = Ether(reply)[ICMP]
            assert (reply.type, reply.id, reply.seq, reply.ts_ori) == (14, 7, number, 1000)
            now = int(time.time() % 86_400 * 1000)
            for value in (reply.ts_rx, reply.ts_tx):
                assert (now - value) % 86_400_000 < 10_000, (value, now)
            told.append(reply.ts_rx)
            time.sleep(1 / 16)
        # A clock that stands still for a sixteenth of a second is none (RFC 1812 4.3.3.8).
        assert told[0] != told[1]


# rfc1812: 5.2.7.2/b, 5.2.7.2/e, 5.2.7.2/i
def test_linux_is_told_of_a_better_router_on_its_own_link(network):
    config = copy.deepcopy(network.config)
    config["static"]["routes"]["10.9.0.0/16"] = {"via": "10.1.0.3"}
    better = {"interface": "lan0", "mac": "02:00:00:00:01:33"}
    config["static"]["neighbors"] = {"10.1.0.3": better}
    network.router.apply(config)
    network.ping(target=LAN_ROUTER, count=1)
    told = network.ping(target="10.9.0.1", count=2, check=False).stdout
    assert f"From {LAN_ROUTER}" in told and "New nexthop: 10.1.0.3" in told, told


# ---- options


# rfc1812: 5.3.13.5/a, 4.2.2.2/a, 5.2.1/b, 4.3.3.6/j
def test_a_recorded_route_names_both_sides_of_the_router(network):
    there = network.lan.run("ping", "-n", "-R", "-c", 1, "-W", 2, WAN_HOST).stdout
    recorded = re.findall(r"\t(10\.\d+\.\d+\.\d+)", there)
    assert recorded[:3] == [LAN_HOST, WAN_ROUTER, WAN_HOST] and LAN_ROUTER in recorded[3:], there
    ours = network.lan.run("ping", "-n", "-R", "-c", 1, "-W", 2, LAN_ROUTER).stdout
    assert LAN_ROUTER in re.findall(r"\t(10\.\d+\.\d+\.\d+)", ours), ours


# rfc1812: 5.3.13.6/a
def test_a_timestamp_option_is_filled_on_the_way(network):
    out = network.lan.run("ping", "-n", "-T", "tsandaddr", "-c", 1, "-W", 2, WAN_HOST).stdout
    assert WAN_ROUTER in out and " 1 received" in out, out


# rfc1812: 5.3.13.4/a, 5.3.13.4/b, 5.3.13.4/c, 5.2.3/a, 5.2.4.1/a, 10.4.1/b
def test_a_source_route_is_refused_unless_the_interface_allows_it(network):
    network.ping()
    with Link(network.lan) as link, Link(network.wan) as other:
        routed = frame_to_router(
            network,
            link,
            IP(src=LAN_HOST, dst=LAN_ROUTER, options=[IPOption_LSRR(pointer=4, routers=[WAN_HOST])])
            / UDP(sport=4242, dport=4242)
            / (b"x" * 40),
        )
        before = drops(network.router)
        link.send(routed)
        assert other.receive(is_from(LAN_HOST, UDP), timeout=0.5) is None
        assert dropped(network.router, before, "ip4-source-route") == 1
        changed(network, lan0={"source-route": True})
        link.send(routed)
        arrived = other.receive(is_from(LAN_HOST, UDP))
        assert arrived is not None
        arrived = Ether(arrived)[IP]
        assert arrived.dst == WAN_HOST
        # The route so far: the address that it left by, and a pointer past the end.
        assert bytes(arrived)[20:28] == bytes([131, 7, 8, 10, 2, 0, 1, 0])


# ---- fragments


def echo_in_fragments(size=64, identification=77, source=LAN_HOST):
    """An echo request to the router, in fragments of 24 bytes of payload."""
    payload = bytes(ICMP(id=9, seq=3) / bytes(range(size - 8)))
    pieces = []
    for offset in range(0, size, 24):
        pieces.append(
            IP(
                src=source,
                dst=LAN_ROUTER,
                proto=1,
                id=identification,
                flags="MF" if offset + 24 < size else 0,
                frag=offset // 8,
            )
            / Raw(payload[offset : offset + 24])
        )
    return pieces


# rfc1812: 4.2.2.8, 4.3.3.6/b, 5.2.1.1
def test_fragments_in_any_order_make_one_datagram(network):
    network.ping(target=LAN_ROUTER, count=1)
    with Link(network.lan) as link:
        pieces = echo_in_fragments()
        for number, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 0, 1, 2])):
            for place in order:
                piece = pieces[place].copy()
                piece.id = 100 + number
                link.send(frame_to_router(network, link, piece))
            reply = link.receive(is_from(LAN_ROUTER, ICMP))
            assert reply is not None, order
            assert Ether(reply)[ICMP].type == 0
            assert bytes(Ether(reply)[ICMP].payload)[:56] == bytes(range(56))


# rfc5722: 4
def test_overlapping_fragments_are_refused_whole(network):
    network.ping(target=LAN_ROUTER, count=1)
    with Link(network.lan) as link:
        first, middle, last = echo_in_fragments()
        overlap = first.copy()
        overlap.frag, overlap.flags = 1, "MF"  # bytes 8 to 31: over the first and the second
        before = drops(network.router)
        for piece in (first, overlap, middle, last):
            link.send(frame_to_router(network, link, piece))
        assert link.receive(is_from(LAN_ROUTER, ICMP), timeout=0.7) is None
        assert dropped(network.router, before, "reassembly-") == 4
        # Another datagram is put together as before.
        for piece in echo_in_fragments(identification=78):
            link.send(frame_to_router(network, link, piece))
        assert link.receive(is_from(LAN_ROUTER, ICMP)) is not None


# rfc1858: 3, 4
def test_tiny_fragments_that_hide_a_tcp_header_are_refused(network):
    network.ping(target=LAN_ROUTER, count=1)
    segment = bytes(TCP(sport=4242, dport=81, flags="S"))
    with Link(network.lan) as link:
        before = drops(network.router)
        for offset, length, flags in ((0, 8, "MF"), (8, 12, 0)):
            piece = IP(src=LAN_HOST, dst=LAN_ROUTER, proto=6, id=9, flags=flags, frag=offset // 8)
            link.send(
                frame_to_router(network, link, piece / Raw(segment[offset : offset + length]))
            )
        assert link.receive(is_from(LAN_ROUTER, TCP), timeout=0.7) is None
        eventually(
            lambda: dropped(network.router, before, "reassembly-") == 2, 2, drops(network.router)
        )


# ---- sources


# rfc1812: 5.3.7/a, 5.3.7/b, 5.3.7/c, 4.2.2.11/m, 4.2.2.11/e, 4.2.2.11/f, 4.3.2.7/e
def test_sources_that_cannot_be_reach_nobody_and_are_told_nothing(network):
    network.ping()
    sources = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"]
    sources += ["10.1.0.255", "10.1.0.0", LAN_ROUTER, WAN_ROUTER]
    with Link(network.lan) as link, Link(network.wan) as other:
        before = drops(network.router)
        for source in sources:
            for ttl in (64, 1):
                datagram = IP(src=source, dst=WAN_HOST, ttl=ttl) / UDP(sport=4242, dport=4242) / b"x"
                link.send(frame_to_router(network, link, datagram))
        assert other.receive(lambda f: UDP in Ether(f), timeout=0.5) is None
        assert link.receive(is_from(LAN_ROUTER, ICMP), timeout=0.2) is None
        assert dropped(network.router, before, "ip4-martian-source") == 2 * len(sources)


# rfc1812: 5.3.8/a, 5.3.8/b, 5.3.8/c
def test_a_source_from_the_wrong_side_is_refused_when_it_is_asked_for(network):
    network.ping()
    with Link(network.lan) as link, Link(network.wan) as other:
        forged = frame_to_router(
            network, link, IP(src="10.2.0.99", dst=WAN_HOST) / UDP(sport=4242, dport=4242) / b"x"
        )
        link.send(forged)  # off by default
        assert other.receive(is_from("10.2.0.99", UDP)) is not None
        changed(network, lan0={"source-validation": "strict"})
        before = drops(network.router)
        link.send(forged)
        assert other.receive(is_from("10.2.0.99", UDP), timeout=0.5) is None
        assert dropped(network.router, before, "ip4-source") == 1
        network.ping()
