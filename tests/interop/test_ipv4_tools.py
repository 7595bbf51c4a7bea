"""IPv4 by the tools that people have at hand: tracepath, arping, nping."""

import copy
import re

from frames import Link
from network import LAN_HOST, LAN_ROUTER, WAN_HOST, WAN_ROUTER
from router import eventually
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

SMALL_MTU = 1400


def drops(router):
    return {drop["reason"]: drop["packets"] for drop in router.show("drops")}


def arping(network, *words):
    """(exit code, output)"""
    done = network.lan.run("arping", "-I", "eth0", "-w", 5, *words, check=False, timeout=20)
    return done.returncode, done.stdout + done.stderr


def nping(network, *words):
    return network.lan.run("nping", "--count", 3, "--delay", "50ms", *words).stdout


def sent_and_received(said):
    """What nping counts: raw packets sent, and those that answer them."""
    found = re.search(r"Raw packets sent: (\d+).*Rcvd: (\d+)", said)
    assert found, said
    return int(found[1]), int(found[2])


# rfc1812: 5.2.7.1/i, 3.3.4/a
def test_tracepath_finds_a_small_mtu_behind_the_router(network):
    config = copy.deepcopy(network.config)
    config["interfaces"]["wan0"]["mtu"] = SMALL_MTU
    network.router.apply(config)
    network.wan.ip("link", "set", "eth0", "mtu", SMALL_MTU)
    said = network.lan.run("tracepath", "-n", "-m", 5, WAN_HOST).stdout
    assert re.search(rf"{LAN_ROUTER} .*pmtu {SMALL_MTU}", said), said
    assert re.search(rf"{WAN_HOST} .*reached", said), said
    assert f"Resume: pmtu {SMALL_MTU}" in said, said


# rfc5227: 2.1.1, 2.4
def test_arping_gets_one_answer_for_our_address_and_finds_that_it_is_taken(network):
    mac = network.router.interface("lan0")["mac"].upper()
    code, said = arping(network, "-c", 3, LAN_ROUTER)
    assert code == 0 and said.count(f"[{mac}]") == 3, said
    # Duplicate address detection: exit code 1 says that somebody has it.
    code, said = arping(network, "-D", "-c", 2, LAN_ROUTER)
    assert code == 1 and mac in said, said
    code, said = arping(network, "-D", "-c", 2, "10.1.0.99")
    assert code == 0 and "Received 0 response" in said, said


# rfc5227: 2.4
def test_arping_that_announces_our_address_is_a_conflict_and_takes_nothing_away(network):
    network.ping()
    before = network.router.limit("address-conflicts")["refused"]
    # The kernel of the client must have the address to claim it, and then answers for it too.
    network.lan.ip("address", "add", f"{LAN_ROUTER}/32", "dev", "lo")
    arping(network, "-U", "-c", 1, "-s", LAN_ROUTER, LAN_ROUTER)
    network.lan.ip("address", "delete", f"{LAN_ROUTER}/32", "dev", "lo")
    eventually(
        lambda: network.router.limit("address-conflicts")["refused"] > before, 2, "it is counted"
    )
    eventually(lambda: "uses our address 10.1.0.1" in network.router.log(), 2, "a line in the log")
    network.ping()


# rfc1812: 5.3.13.5/a, 4.2.2.2/a
def test_packets_with_options_of_nping_pass_and_wrong_ones_are_told_of(network):
    network.ping()
    assert sent_and_received(nping(network, "--icmp", "--ip-options", "R", WAN_HOST)) == (3, 3)
    assert sent_and_received(nping(network, "--icmp", "--ip-options", "T", LAN_ROUTER)) == (3, 3)
    # A record route whose pointer lies inside its own header: a parameter problem says where.
    with Link(network.lan) as link:
        said = nping(network, "--icmp", "--ip-options", r"\x07\x07\x01\x00\x00\x00\x00\x00", WAN_HOST)
        assert sent_and_received(said)[0] == 3
        told = link.receive(
            lambda f: ICMP in Ether(f) and Ether(f)[IP].src == LAN_ROUTER and Ether(f)[ICMP].type == 12
        )
        assert told is not None, said
        assert Ether(told)[ICMP].ptr == 22  # its octet of the header


# rfc1812: 5.3.7/a, 5.3.7/c
def test_bad_sources_of_nping_reach_nobody(network):
    network.ping()
    mac = network.router.interface("lan0")["mac"]
    with Link(network.wan) as wan:
        for source in ("127.0.0.1", "224.0.0.9", "255.255.255.255", WAN_ROUTER):
            before = drops(network.router).get("ip4-martian-source", 0)
            said = nping(
                *(network, "--udp", "-p", 4242, "--source-ip", source),
                *("--dest-mac", mac, "--source-mac", "02:00:00:00:01:02", "-e", "eth0", WAN_HOST),
            )
            assert sent_and_received(said) == (3, 0)
            eventually(
                lambda before=before: drops(network.router)["ip4-martian-source"] == before + 3,
                *(2, f"{source}: {drops(network.router)}"),
            )
        assert wan.receive(lambda f: UDP in Ether(f), timeout=0.3) is None


# rfc1812: 5.2.7.3/a, 5.2.7.1/b
def test_nping_is_told_of_expired_packets_and_closed_ports(network):
    network.ping()
    for words, wanted in (
        (("--icmp", "--ttl", 1, WAN_HOST), "TTL=0 during transit"),
        (("--udp", "-p", 4243, LAN_ROUTER), "Port unreachable"),
        (("--tcp", "-p", 4243, LAN_ROUTER), "RA"),
    ):
        said = nping(network, *words)
        assert sent_and_received(said) == (3, 3) and wanted in said, said
    assert LAN_HOST in said
