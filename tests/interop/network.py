"""The network of most tests: lan, the router and wan, over one kind of DPDK device.

    lan eth0 10.1.0.2/24 ── lan0 10.1.0.1 [router] 10.2.0.1 wan0 ── eth0 10.2.0.2/24 wan
"""

import contextlib
import time

from namespaces import Namespace, connect
from router import Router, eventually

LAN_HOST, LAN_ROUTER = "10.1.0.2", "10.1.0.1"
WAN_HOST, WAN_ROUTER = "10.2.0.2", "10.2.0.1"


class Network:
    """`device` is "net_tap" or "net_af_packet", `cores` the CPUs of the workers ([]: one worker on
    the main core). Further keys of the configuration may be changed before start()."""

    def __init__(self, device, cores=()):
        self.device = device
        self._boot_id = None
        self._stack = contextlib.ExitStack()
        try:
            self.lan = self._stack.enter_context(Namespace("lan"))
            self.wan = self._stack.enter_context(Namespace("wan"))
            self.router_namespace = self._stack.enter_context(Namespace("router"))
            self.router = Router(self.router_namespace, self._config(list(cores)))
            self._stack.callback(self.router.close)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _config(self, cores):
        return {
            "version": 1,
            "workers": {"main-core": 0, "cores": cores, "memory": "256MiB", "hugepages": "off"},
            "interfaces": {
                name: {
                    "vdev": f"{self.device}{number}",
                    "args": {"iface": name},
                    "addresses": [f"{address}/24"],
                }
                for number, (name, address) in enumerate(
                    (("lan0", LAN_ROUTER), ("wan0", WAN_ROUTER))
                )
            },
            "static": {"routes": {}},
        }

    @property
    def config(self):
        return self.router.config

    def start(self, links=True):
        """`links`: wait for all of them; not when one has no peer yet."""
        self.router.write(self.config)
        if self.device == "net_af_packet":
            connect(self.router_namespace, "lan0", self.lan)
            connect(self.router_namespace, "wan0", self.wan)
            self._address_clients()
        self.router.start()
        self.attach()
        self.router.wait_until_ready(links=links)
        return self

    def attach(self):
        """A tap is made by the dataplane, in the router's namespace, anew with every start of it:
        its kernel end moves to its client. Nothing to do for veth pairs. Returns the seconds that
        this took from when the dataplane was there."""
        if self.device != "net_tap":
            return 0.0
        # Not before the dataplane is done with setting the tap up, which it does by its name.
        self._boot_id = eventually(self._new_boot_id, 20, f"a new dataplane\n{self.router.log()}")
        began = time.monotonic()
        for name, client in (("lan0", self.lan), ("wan0", self.wan)):
            eventually(
                lambda name=name: self.router_namespace.ip(
                    "link", "set", name, "netns", client.name, "name", "eth0", check=False
                ).returncode
                == 0,
                20,
                f"the tap {name} is there\n{self.router.log()}",
            )
            # Both ends of a tap have one address; two hosts may not.
            client.ip("link", "set", "eth0", "address", f"02:00:00:00:{'01' if name == 'lan0' else '02'}:02")
        self._address_clients()
        return time.monotonic() - began

    def _new_boot_id(self):
        if self.router.process.poll() is not None:
            raise AssertionError(f"the router ended\n{self.router.log()}")
        status = self.router.try_show("status")
        if not status or not status["dataplane"]["connected"]:
            return None
        boot_id = status["dataplane"]["boot-id"]
        return boot_id if boot_id != self._boot_id else None

    def _address_clients(self):
        for client, address, gateway in (
            (self.lan, LAN_HOST, LAN_ROUTER),
            (self.wan, WAN_HOST, WAN_ROUTER),
        ):
            client.ip("address", "add", f"{address}/24", "dev", "eth0")
            client.ip("link", "set", "eth0", "up")
            client.ip("route", "add", "default", "via", gateway)

    def ping(self, source=None, target=WAN_HOST, count=3, size=56, check=True):
        done = (source or self.lan).run(
            *("ping", "-n", "-c", count, "-i", "0.2", "-W", "2", "-M", "do", "-s", size, target),
            check=False,
        )
        if check:
            assert f" {count} received" in done.stdout, done.stdout + done.stderr
        return done
