"""Frames that the clients' kernels cannot make: VLANs, and what must be dropped and counted."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from frames import Link
from network import LAN_HOST, WAN_HOST, Network

BROADCAST = "ff:ff:ff:ff:ff:ff"


@pytest.fixture(name="vlans", params=["net_af_packet", "net_tap"])
def vlans_fixture(request):
    """The router with VLAN 20 on its lan port."""
    with Network(request.param) as network:
        network.config["interfaces"]["lan0.20"] = {
            "parent": "lan0",
            "vlan": 20,
            "addresses": ["10.0.20.1/24"],
        }
        network.start()
        network.ping()
        yield network
        network.router.assert_ledger_balances()
        network.router.stop()


def test_a_host_of_a_vlan_reaches_the_router_and_the_other_side(vlans):
    router_mac = vlans.router.interface("lan0")["mac"]
    with Link(vlans.lan) as link:
        tagged = Ether(src=link.mac, dst=router_mac) / Dot1Q(vlan=20)

        # The router answers ARP in the VLAN, tagged.
        link.send(
            Ether(src=link.mac, dst=BROADCAST)
            / Dot1Q(vlan=20)
            / ARP(op=1, hwsrc=link.mac, psrc="10.0.20.2", pdst="10.0.20.1")
        )
        answer = link.receive(lambda f: Dot1Q in Ether(f) and ARP in Ether(f))
        assert answer is not None
        assert Ether(answer)[Dot1Q].vlan == 20 and Ether(answer)[ARP].psrc == "10.0.20.1"
        assert Ether(answer)[ARP].hwsrc == router_mac

        # It answers a ping there.
        link.send(tagged / IP(src="10.0.20.2", dst="10.0.20.1") / ICMP(id=7, seq=1) / b"to you")
        answer = link.receive(lambda f: Dot1Q in Ether(f) and ICMP in Ether(f))
        assert answer is not None and Ether(answer)[ICMP].type == 0
        assert Ether(answer)[Dot1Q].vlan == 20

        # And forwards to the other side and back.
        link.send(tagged / IP(src="10.0.20.2", dst=WAN_HOST, ttl=9) / ICMP(id=7, seq=2) / b"across")
        asked = link.receive(lambda f: Dot1Q in Ether(f) and (ARP in Ether(f) or ICMP in Ether(f)))
        assert asked is not None
        if ARP in Ether(asked) and Ether(asked)[ARP].op == 1:
            # Ours is a host without a kernel: it answers for itself.
            link.send(
                tagged / ARP(op=2, hwsrc=link.mac, psrc="10.0.20.2", hwdst=router_mac, pdst="10.0.20.1")
            )
            asked = link.receive(lambda f: Dot1Q in Ether(f) and ICMP in Ether(f))
        assert asked is not None
        reply = Ether(asked)
        assert reply[Dot1Q].vlan == 20
        assert reply[IP].src == WAN_HOST and reply[ICMP].type == 0 and reply[ICMP].seq == 2


def test_an_unknown_vlan_is_dropped_and_counted(vlans):
    router_mac = vlans.router.interface("lan0")["mac"]
    before = drops(vlans.router).get("vlan-unknown", 0)
    with Link(vlans.lan) as link:
        for _ in range(3):
            link.send(
                Ether(src=link.mac, dst=router_mac)
                / Dot1Q(vlan=21)
                / IP(src="10.0.20.2", dst="10.0.20.1")
                / ICMP()
            )
        assert link.receive(lambda f: Dot1Q in Ether(f), timeout=0.5) is None
    assert drops(vlans.router)["vlan-unknown"] == before + 3


def drops(router):
    return {drop["reason"]: drop["packets"] for drop in router.show("drops")}


# What RFC 1812 5.2.2, 5.3.4 and 5.3.7 want dropped, as a change of a good datagram; the rest of the
# list runs in process, in tests/packet.
CASES = {
    "ip4-bad-checksum": lambda good: good.__class__(bytes(good)[:24] + b"\x12\x34" + bytes(good)[26:]),
    "ip4-martian-source": lambda good: changed(good, src="127.0.0.1"),
    "ip4-martian-destination": lambda good: changed(good, dst="127.0.0.1"),
    "ip4-bad-version": lambda good: changed(good, version=5),
    "ip4-bad-total-length": lambda good: changed(good, len=1400),
}


def changed(good, **fields):
    frame = good.copy()
    del frame[IP].chksum
    for name, value in fields.items():
        setattr(frame[IP], name, value)
    return frame


# rfc1812: 4.2.1/d, 4.2.2.11/n, 5.2.2/b, 5.2.2/c, 5.3.7/c, 5.3.7/f
@pytest.mark.parametrize("reason", CASES)
def test_a_bad_datagram_is_dropped_with_its_reason(network, reason):
    router_mac = network.router.interface("lan0")["mac"]
    network.ping()
    before = drops(network.router).get(reason, 0)
    with Link(network.lan) as link, Link(network.wan) as other:
        good = Ether(
            bytes(
                Ether(src=link.mac, dst=router_mac)
                / IP(src=LAN_HOST, dst=WAN_HOST)
                / UDP(sport=4242, dport=4242)
                / (b"x" * 40)
            )
        )
        link.send(CASES[reason](good))
        assert other.receive(lambda f: UDP in Ether(f) and b"xxxx" in f, timeout=0.5) is None
        link.send(good)
        assert other.receive(lambda f: UDP in Ether(f) and b"xxxx" in f) is not None
    assert drops(network.router)[reason] == before + 1
