"""The network of the tests of NAT: many hosts behind the router's one address, and an outside that
knows no way to them.

    c1 … c20 10.1.0.11/24 ─┐
                          lan (a switch, 10.1.0.2) ── lan0 10.1.0.1 [router] 10.2.0.1 wan0 ── wan
                                                                       10.2.0.2, 10.2.0.3 ──┘
"""

import contextlib

import pytest

from namespaces import Namespace, connect
from network import LAN_HOST, LAN_ROUTER, WAN_HOST, WAN_ROUTER, Network

OUTSIDE = WAN_ROUTER
WAN_SECOND = "10.2.0.3"
WORKERS = pytest.mark.parametrize("cores", [(), (0, 1)], ids=["1-worker", "2-workers"])
MASQUERADE = {"name": "lan-out", "out-interface": "wan0", "to": "interface-address"}


def client_address(number):
    return f"10.1.0.{11 + number}"


class NatNetwork(Network):
    """`clients` are namespaces; `nat` is the section of the configuration."""

    def __init__(self, device="net_af_packet", cores=(), clients=2, nat=None):
        super().__init__(device, cores)
        self.config["nat"] = nat or {"source": [MASQUERADE]}
        self.clients = []
        try:
            for number in range(clients):
                self.clients.append(self._stack.enter_context(Namespace(f"c{number + 1}")))
        except BaseException:
            self._stack.close()
            raise

    def _address_clients(self):
        lan, wan = self.lan, self.wan
        lan.ip("link", "add", "br0", "type", "bridge")
        lan.ip("link", "set", "eth0", "master", "br0")
        for link in ("br0", "eth0"):
            lan.ip("link", "set", link, "up")
        lan.ip("address", "add", f"{LAN_HOST}/24", "dev", "br0")
        lan.ip("route", "add", "default", "via", LAN_ROUTER)
        for number, client in enumerate(self.clients):
            connect(lan, f"p{number}", client)
            lan.ip("link", "set", f"p{number}", "master", "br0")
            client.ip("address", "add", f"{client_address(number)}/24", "dev", "eth0")
            client.ip("route", "add", "default", "via", LAN_ROUTER)
        # No route back: what is not translated finds no way.
        for address in (WAN_HOST, WAN_SECOND):
            wan.ip("address", "add", f"{address}/24", "dev", "eth0")
        wan.ip("link", "set", "eth0", "up")

    def sessions(self, *filters):
        return self.router.show("nat", "sessions", "--limit", "0", *filters)


@contextlib.contextmanager
def nat_router(**options):
    """A started network whose router's books balance at the end."""
    with NatNetwork(**options) as network:
        network.start()
        yield network
        # A SYN that nobody inside expects is held for six seconds (RFC 5382 REQ-4).
        network.router.assert_ledger_balances(timeout=10)
        network.router.stop()
