"""RIP among strangers: FRR's ripd and BIRD in a line and in a triangle, plain and signed; links cut
and healed; deaths of either half; a neighbour that tells too much.

The line, with the router in its middle:

    192.168.10.0/24 [FRR] eth0 10.71.0.2 ── a0 10.71.0.1 [router] 10.72.0.1 b0 ── 10.72.0.2 eth0 [BIRD]
                       │ side 10.73.0.1                                   10.73.0.2 side │ 192.168.20.0/24
                       └────────────────── only in the triangle ─────────────────────────┘
"""

import contextlib
import re
import socket
import struct
import time

import pytest

import rip_peers
from namespaces import Namespace, connect
from rip_peers import GARBAGE, TIMEOUT, UPDATE, Bird, Frr, write_secret
from router import Router, eventually
from stream import CountedStream

FRR_STUB, BIRD_STUB = "192.168.10.0/24", "192.168.20.0/24"
FRR_HOST, BIRD_HOST = "192.168.10.1", "192.168.20.1"
# Everybody has told everything: two updates, and the damping of triggered ones.
SETTLED = 2 * UPDATE + 10


def rip_config(interfaces, **more):
    return {
        "interfaces": interfaces,
        "timers": {
            "update": f"{UPDATE}s",
            "timeout": f"{TIMEOUT}s",
            "garbage-collect": f"{GARBAGE}s",
        },
        **more,
    }


class Line:
    """The two strangers with the router between them. `proof`: what the router's interfaces have as
    `authentication`, and what FRR and BIRD have instead."""

    def __init__(self, triangle=False, proof=None, frr_key=None, frr_lines="", bird_block="",
                 statics=(), rip=None):
        self._stack = contextlib.ExitStack()
        enter = self._stack.enter_context
        try:
            self.frr_namespace = enter(Namespace("frr"))
            self.bird_namespace = enter(Namespace("bird"))
            self.router_namespace = enter(Namespace("router"))
            self.router = Router(self.router_namespace, self._config())
            self._stack.callback(self.router.close)
            interfaces = {"a0": {}, "b0": {}}
            if proof is not None:
                a_proof, b_proof = proof(self.router.folder)
                for name, one in (("a0", a_proof), ("b0", b_proof)):
                    if one is not None:
                        interfaces[name] = {"authentication": one}
            self.router.config["rip"] = rip_config(interfaces, **(rip or {}))
            self.router.write(self.router.config)
            connect(self.router_namespace, "a0", self.frr_namespace)
            connect(self.router_namespace, "b0", self.bird_namespace)
            for stranger in (self.frr_namespace, self.bird_namespace):
                # Linux answers a destination once a second, and traceroutes are asked for faster.
                stranger.run("sysctl", "-q", "-w", "net.ipv4.icmp_ratelimit=0")
            self.frr_namespace.ip("address", "add", "10.71.0.2/24", "dev", "eth0")
            self.bird_namespace.ip("address", "add", "10.72.0.2/24", "dev", "eth0")
            frr_interfaces = {"eth0": frr_lines}
            bird_interfaces = {"eth0": bird_block}
            if triangle:
                connect(self.frr_namespace, "side", self.bird_namespace, "side")
                self.frr_namespace.ip("address", "add", "10.73.0.1/24", "dev", "side")
                self.bird_namespace.ip("address", "add", "10.73.0.2/24", "dev", "side")
                frr_interfaces["side"] = ""
                bird_interfaces["side"] = ""
            self.frr = enter(Frr(self.frr_namespace, frr_interfaces, [f"{FRR_HOST}/24"], frr_key))
            self.bird = enter(
                Bird(self.bird_namespace, bird_interfaces, [f"{BIRD_HOST}/24"], statics)
            )
            self.router.start()
            self.router.wait_until_ready()
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    @staticmethod
    def _config():
        return {
            "version": 1,
            "workers": {"main-core": 0, "cores": [], "memory": "256MiB", "hugepages": "off"},
            "interfaces": {
                "a0": {"vdev": "net_af_packet0", "args": {"iface": "a0"},
                       "addresses": ["10.71.0.1/24"]},
                "b0": {"vdev": "net_af_packet1", "args": {"iface": "b0"},
                       "addresses": ["10.72.0.1/24"]},
            },
            "static": {"routes": {}},
        }

    def learned(self):
        """{prefix: route} of the routes that the router's RIB has of RIP, and uses."""
        routes = self.router.try_show("routes") or []
        return {r["prefix"]: r for r in routes if r["source"] == "rip" and r["selected"]}

    def via(self, prefix):
        route = self.learned().get(prefix)
        return None if route is None else sorted(hop["via"] for hop in route["next-hops"])

    def state(self):
        """What is shown when something did not happen."""
        return "\n".join(
            [
                self.router.ctl("show", "rip", check=False).stdout,
                self.router.ctl("show", "rip", "interfaces", check=False).stdout,
                self.router.ctl("show", "rip", "neighbors", check=False).stdout,
                self.router.ctl("show", "rip", "routes", check=False).stdout,
                self.router.log()[-3000:],
                str(self.frr.routes()),
                str(self.bird.routes()),
                self.frr.log()[-2000:],
                self.bird.log()[-2000:],
            ]
        )

    def eventually(self, question, timeout, what):
        try:
            return eventually(question, timeout, what, every=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.state()}") from None

    def wait_for_all_routes(self, timeout=SETTLED + 10):
        self.eventually(
            lambda: {FRR_STUB, BIRD_STUB} <= set(self.learned())
            and BIRD_STUB in self.frr.routes()
            and FRR_STUB in self.bird.routes(),
            timeout,
            "everybody knows every network",
        )
        self.router.wait_until_ready(10)

    def ping(self, check=True):
        done = self.frr_namespace.run(
            *("ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", "-I", FRR_HOST, BIRD_HOST),
            check=False,
        )
        if check:
            assert " 3 received" in done.stdout, done.stdout + self.state()
        return " 3 received" in done.stdout

    def traceroute(self):
        """The addresses on the way from FRR's stub to BIRD's."""
        text = self.frr_namespace.run(
            *("traceroute", "-n", "-q", "1", "-w", "2", "-m", "8", "-s", FRR_HOST, BIRD_HOST),
            check=False,
        ).stdout
        return re.findall(r"^ *\d+ +(\S+)", text, re.MULTILINE)


@pytest.fixture(scope="session", autouse=True)
def strangers_are_there():
    assert not rip_peers.missing(), (
        f"not installed: {rip_peers.missing()}; run deploy/dependencies --test"
    )


def md5(length, both=True):
    def proof(folder):
        key = {"md5": {"id": 1, "key": {"file": write_secret(folder, "s3cret")}},
               "auth-length": length}
        return key, key if both else None

    return proof


BIRD_MD5 = ('authentication cryptographic; password "s3cret" '
            "{ id 1; algorithm keyed md5; };")


def frr_md5(length):
    return (f"ip rip authentication mode md5 auth-length {length}\n"
            "ip rip authentication key-chain KC")


def test_routes_are_learned_both_ways_in_a_line_and_traffic_follows():
    with Line() as line:
        line.wait_for_all_routes()
        assert line.via(FRR_STUB) == ["10.71.0.2"] and line.via(BIRD_STUB) == ["10.72.0.2"]
        assert line.frr.routes()[BIRD_STUB] == "10.71.0.1"
        assert line.bird.routes()[FRR_STUB] == "10.72.0.1"
        # The network behind the router, and metrics that count every network once.
        assert line.frr.routes()["10.72.0.0/24"] == "10.71.0.1"
        assert line.learned()[FRR_STUB]["metric"] == 2
        line.ping()
        assert line.traceroute() == ["10.71.0.1", BIRD_HOST]
        neighbors = {n["neighbor"]: n for n in line.router.show("rip", "neighbors")}
        assert set(neighbors) == {"10.71.0.2", "10.72.0.2"}
        for neighbor in neighbors.values():
            assert neighbor["state"] == "up" and neighbor["bad-packets"] == 0, neighbor
            assert neighbor["bad-routes"] == 0 and neighbor["routes"] >= 1
        assert line.router.show("rip")["running"] is True


@pytest.mark.parametrize("length, words", [("digest", "rfc"), ("digest-and-trailer", "old-ripd")])
def test_keyed_md5_is_understood_in_both_lengths(length, words):
    with Line(proof=md5(length), frr_key="s3cret", frr_lines=frr_md5(words),
              bird_block=BIRD_MD5) as line:
        line.wait_for_all_routes()
        line.ping()
        for one in line.router.show("rip", "interfaces"):
            assert one["authentication"] == "md5"


@pytest.mark.parametrize(
    "ours, theirs", [("hmac-sha-1", "hmac sha1"), ("hmac-sha-256", "hmac sha256"),
                     ("hmac-sha-384", "hmac sha384"), ("hmac-sha-512", "hmac sha512")]
)
def test_hmac_sha_is_understood_with_bird(ours, theirs):
    def proof(folder):
        return None, {ours: {"id": 7, "key": {"file": write_secret(folder, "s3cret")}}}

    block = f'authentication cryptographic; password "s3cret" {{ id 7; algorithm {theirs}; }};'
    with Line(proof=proof, bird_block=block) as line:
        line.wait_for_all_routes()
        line.ping()


def test_who_signs_with_another_secret_is_not_heard_and_said_so():
    def proof(folder):
        return None, {"md5": {"id": 1, "key": {"file": write_secret(folder, "another")}}}

    with Line(proof=proof, bird_block=BIRD_MD5) as line:
        line.eventually(lambda: FRR_STUB in line.learned(), SETTLED, "FRR is heard")

        def refused():
            neighbors = {n["neighbor"]: n for n in line.router.show("rip", "neighbors")}
            return neighbors.get("10.72.0.2", {}).get("packet-faults", {}).get("wrong-digest", 0) > 1

        line.eventually(refused, SETTLED, "the packets are counted")
        assert BIRD_STUB not in line.learned()
        assert any("wrong-digest" in e["event"] for e in line.router.show("rip", "events"))


def test_a_link_that_is_cut_sends_traffic_the_other_way_round_and_back():
    with Line(triangle=True) as line:
        line.wait_for_all_routes()
        line.eventually(lambda: line.traceroute() == [BIRD_HOST], SETTLED,
                        "the short way is taken")
        # The direct link of the strangers breaks: through the router.
        line.frr_namespace.ip("link", "set", "side", "down")
        line.eventually(lambda: line.traceroute() == ["10.71.0.1", BIRD_HOST],
                        TIMEOUT + SETTLED, "traffic goes through the router")
        line.ping()
        line.frr_namespace.ip("link", "set", "side", "up")
        line.eventually(lambda: line.traceroute() == [BIRD_HOST], TIMEOUT + SETTLED,
                        "traffic goes the short way again")
        # The router's link to BIRD breaks: it reaches BIRD's network through FRR.
        line.bird_namespace.ip("link", "set", "eth0", "down")
        line.eventually(lambda: line.via(BIRD_STUB) == ["10.71.0.2"], TIMEOUT + SETTLED,
                        "the router goes through FRR")
        line.bird_namespace.ip("link", "set", "eth0", "up")
        line.eventually(lambda: line.via(BIRD_STUB) == ["10.72.0.2"], TIMEOUT + SETTLED,
                        "the router goes to BIRD directly")


def test_a_route_that_is_withdrawn_is_gone_everywhere():
    with Line() as line:
        line.wait_for_all_routes()
        line.frr_namespace.ip("link", "set", "stub0", "down")
        begin = time.monotonic()
        line.eventually(lambda: FRR_STUB not in line.learned(), SETTLED, "the router lost it")
        line.eventually(lambda: FRR_STUB not in line.bird.routes(), SETTLED, "BIRD lost it")
        # Triggered updates: two hops of at most 5 s each, not a timeout (RFC 2453 3.10.1).
        assert time.monotonic() - begin < 12
        line.eventually(
            lambda: FRR_STUB not in {r["prefix"] for r in line.router.show("rip", "routes")},
            GARBAGE + UPDATE + 3, "it is forgotten after the garbage collection",
        )


def test_a_neighbour_that_falls_silent_times_out():
    with Line() as line:
        line.wait_for_all_routes()
        for process in line.frr.processes:
            process.kill()  # no farewell
            process.wait()
        begin = time.monotonic()
        line.eventually(lambda: FRR_STUB not in line.learned(), TIMEOUT + SETTLED, "it timed out")
        assert time.monotonic() - begin > TIMEOUT - UPDATE * 1.5
        assert BIRD_STUB in line.learned()


def test_redistribution_and_live_changes_touch_nothing_else():
    with Line() as line:
        line.wait_for_all_routes()
        config = line.router.config
        with CountedStream(line.frr_namespace, line.bird_namespace, BIRD_HOST) as stream:
            stream.run_for(0.3)
            config["static"]["routes"] = {"10.99.0.0/16": {"blackhole": True}}
            config["rip"]["redistribute"] = [{"from": "static", "metric": 3}]
            config["rip"]["interfaces"]["a0"] = {"cost": 4}
            done = line.router.apply(config)
            assert "live" in done.stdout
            line.eventually(lambda: line.frr.routes().get("10.99.0.0/16") == "10.71.0.1",
                            SETTLED, "FRR knows the static route")
            line.eventually(lambda: line.learned().get(FRR_STUB, {}).get("metric") == 5, SETTLED,
                            "the new cost counts")
            config["rip"]["redistribute"] = []
            line.router.apply(config)
            line.eventually(lambda: "10.99.0.0/16" not in line.frr.routes(), SETTLED,
                            "FRR lost it again")
            config["rip"]["originate-default"] = True
            line.router.apply(config)
            line.eventually(lambda: line.bird.routes().get("0.0.0.0/0") == "10.72.0.1", SETTLED,
                            "BIRD has a default")
            stream.run_for(0.3).finish()
        stream.assert_nothing_lost()
        # The end of RIP: everybody is told, and the routes go.
        del config["rip"]
        line.router.apply(config)
        line.eventually(lambda: BIRD_STUB not in line.frr.routes(), SETTLED, "FRR lost all of it")
        assert not line.learned()


def test_views_say_the_truth_about_what_strangers_tell():
    with Line() as line:
        line.wait_for_all_routes()
        config = line.router.config
        config["static"]["routes"] = {
            FRR_STUB: {"via": "10.72.0.2", "distance": 200},
            "10.98.0.0/16": {"blackhole": True},
            "10.99.0.0/16": {"blackhole": True, "tag": 7},
        }
        config["policy"] = {"policies": {"marked": {"default": "reject", "terms": [
            {"name": "seven", "match": {"tag": 7}, "set": {"metric": 3}, "then": "accept"},
        ]}}}
        config["rip"]["redistribute"] = [{"from": "static", "policy": "marked"}]
        line.router.apply(config)
        line.eventually(lambda: line.frr.routes().get("10.99.0.0/16") == "10.71.0.1", SETTLED,
                        "FRR knows the marked route")
        assert "10.98.0.0/16" not in line.frr.routes()

        # Of FRR's network, by an address in it: RIP's route, and why not the static one.
        told = line.router.explain_route(FRR_HOST)
        assert told["prefix"] == FRR_STUB
        best, other = told["candidates"]
        assert best["source"] == "rip" and best["selected"] and best["installed"] == "yes"
        assert [hop["via"] for hop in best["next-hops"]] == ["10.71.0.2"]
        assert other["source"] == "static" and not other["selected"]
        assert other["verdict"] == "its distance 200 is above the 120 of the best one"
        assert [a["reason"] for a in told["announcements"]] == ["it is a route of its own"]
        assert [r["next-hops"][0]["via"] for r in line.router.show("fib", FRR_STUB)] == ["10.71.0.2"]

        # Of the static routes: what the policy says, and what FRR and BIRD then have.
        taken = line.router.explain_route("10.99.0.0/16")["announcements"][0]
        assert taken["handed-over"] and taken["metric"] == 3 and taken["tag"] == 7
        assert [s["then"] for s in taken["policy"]["steps"]] == ["accept"]
        left_out = line.router.explain_route("10.98.0.0/16")["announcements"][0]
        assert not left_out["handed-over"]
        assert [s["applies"] for s in left_out["policy"]["steps"]][0] is False
        policy = line.router.show("policy", "marked")[0]
        assert policy["terms"][0]["routes"] == 1 and policy["accepted"] == 1
        assert policy["rejected"] >= 1

        # All candidates, by source and inside a prefix.
        by_rip = {r["prefix"] for r in line.router.show("routes", "--source", "rip")}
        assert {FRR_STUB, BIRD_STUB} <= by_rip and "10.99.0.0/16" not in by_rip
        inside = line.router.show("routes", "192.168.0.0/16", "--longer")
        assert {(r["prefix"], r["source"]) for r in inside} == {
            (FRR_STUB, "rip"), (FRR_STUB, "static"), (BIRD_STUB, "rip"),
        }

        # FRR's network goes: the static route takes over, and each view says so.
        line.frr_namespace.ip("link", "set", "stub0", "down")
        line.eventually(
            lambda: line.router.explain_route(FRR_STUB)["candidates"][0]["source"] == "static",
            SETTLED, "the static route is the best one")
        line.eventually(
            lambda: line.router.explain_route(FRR_STUB)["candidates"][0]["installed"] == "yes",
            SETTLED, "and the dataplane has it")
        assert [r["next-hops"][0]["via"] for r in line.router.show("fib", FRR_STUB)] == ["10.72.0.2"]

        # A neighbour that falls silent is an event.
        for process in line.frr.processes:
            process.kill()
            process.wait()
        line.eventually(
            lambda: any("rip hears 10.71.0.2 on a0 no more" in e["event"]
                        and e["level"] == "warning"
                        for e in line.router.show("events", "rip")),
            TIMEOUT + GARBAGE + SETTLED, "the lost neighbour is told")


def test_a_route_that_an_import_policy_refuses_is_explained_with_its_term():
    with Line() as line:
        line.wait_for_all_routes()
        config = line.router.config
        config["policy"] = {
            "prefix-sets": {"theirs": [FRR_STUB]},
            "policies": {
                "taken": {"default": "accept", "terms": [
                    {"name": "not-theirs", "match": {"prefix-set": "theirs"}, "then": "reject"},
                ]},
                "told": {"default": "reject", "terms": [
                    {"name": "birds", "set": {"add-metric": 2}, "then": "accept"},
                ]},
            },
        }
        config["rip"]["interfaces"] = {"a0": {"import": "taken", "export": "told"}, "b0": {}}
        line.router.apply(config)
        line.eventually(lambda: FRR_STUB not in line.learned(), SETTLED, "it is refused now")

        # No source has it, and while it is being deleted BIRD is told so.
        told = line.router.explain_route(FRR_STUB)
        assert told["candidates"] == []
        (refused,) = told["rip"]["imports"]
        assert (refused["neighbor"], refused["interface"]) == ("10.71.0.2", "a0")
        assert refused["state"] == "refused" and refused["told-metric"] == 1
        assert refused["policy"]["name"] == "taken" and not refused["policy"]["accepted"]
        assert [(s["term"], s["then"]) for s in refused["policy"]["steps"]] == [
            ("not-theirs", "reject")]
        to_bird = next(e for e in told["rip"]["exports"] if e["interface"] == "b0")
        assert to_bird["told"] and to_bird["metric"] == 16
        line.eventually(lambda: FRR_STUB not in line.bird.routes(), SETTLED, "BIRD lost it")

        # When it is forgotten the refusal still stands, as FRR goes on telling it.
        line.eventually(lambda: line.router.explain_route(FRR_STUB)["rip"]["exports"] == [],
                        GARBAGE + SETTLED, "nothing is told of it")
        assert line.router.explain_route(FRR_STUB)["rip"]["imports"][0]["state"] == "refused"
        assert line.router.show("rip")["refused-routes"] >= 1

        # BIRD's network: told to FRR as the policy makes it, and back to BIRD as unreachable.
        exports = line.router.explain_route(BIRD_STUB)["rip"]["exports"]
        to_frr = next(e for e in exports if e["interface"] == "a0")
        assert to_frr["told"]
        assert to_frr["metric"] == line.learned()[BIRD_STUB]["metric"] + 2
        assert [(s["term"], s["changes"]) for s in to_frr["policy"]["steps"]] == [
            ("birds", ["metric + 2"])]
        back = next(e for e in exports if e["interface"] == "b0")
        assert back["metric"] == 16 and "it was learned there" in back["reason"]
        line.eventually(
            lambda: re.search(rf"{BIRD_STUB}\s+10\.71\.0\.1\s+{to_frr['metric'] + 1}\s",
                              line.frr.vtysh("show ip rip")),
            SETTLED, "FRR has what it was told, and its own cost")

        # Without the policy it is taken again, and nothing is refused any more.
        config["rip"]["interfaces"] = {"a0": {}, "b0": {}}
        line.router.apply(config)
        line.eventually(lambda: FRR_STUB in line.learned(), SETTLED, "it is taken again")
        (taken,) = line.router.explain_route(FRR_STUB)["rip"]["imports"]
        assert taken["state"] == "in-use" and taken["metric"] == 2
        assert line.router.show("rip")["refused-routes"] == 0


def test_learned_routes_survive_the_death_of_the_dataplane():
    with Line() as line:
        line.wait_for_all_routes()
        line.ping()
        line.router.kill("godwit-dataplane")
        line.eventually(lambda: line.ping(check=False), 15, "traffic flows again")
        assert {FRR_STUB, BIRD_STUB} <= set(line.learned())
        line.router.wait_until_ready(10)


def test_learned_routes_forward_while_the_control_plane_is_dead_and_are_swept_when_gone():
    with Line() as line:
        line.wait_for_all_routes()
        with CountedStream(line.frr_namespace, line.bird_namespace, BIRD_HOST) as stream:
            stream.run_for(0.5)
            line.router.kill("godwit-controlplane")
            stream.run_for(1.0)
            line.wait_for_all_routes()
            stream.run_for(0.5).finish()
        stream.assert_nothing_lost()
        # What is lost meanwhile goes when the new one has heard everybody.
        assert FRR_STUB in {r["prefix"] for r in line.router.show("fib")}
        for process in line.frr.processes:
            process.kill()
            process.wait()
        line.router.kill("godwit-controlplane")
        line.eventually(
            lambda: FRR_STUB not in {r["prefix"] for r in line.router.try_show("fib") or
                                     [{"prefix": FRR_STUB}]},
            2 * UPDATE + 20, "it is swept",
        )
        line.eventually(lambda: BIRD_STUB in line.learned(), SETTLED, "BIRD's is learned again")


def responses(count, entries=25):
    """Packets of one neighbour that tells `count` routes."""
    for first in range(0, count, entries):
        packet = bytes([2, 2, 0, 0])
        for number in range(first, min(first + entries, count)):
            address = (100 << 24) + (number << 8)
            packet += struct.pack(">HHIIII", 2, 0, address, 0xFFFFFF00, 0, 1)
        yield packet


def test_a_neighbour_that_tells_a_hundred_thousand_routes_meets_its_limit():
    with Line(rip={"max-routes": 20000}) as line:
        line.wait_for_all_routes()
        line.bird_namespace.ip("address", "add", "10.72.0.77/24", "dev", "eth0")
        flood = line.bird_namespace.socket()
        flood.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        flood.bind(("10.72.0.77", 520))
        for number, packet in enumerate(responses(100_000)):
            flood.sendto(packet, ("10.72.0.1", 520))
            if number % 50 == 49:
                time.sleep(0.05)
        flood.close()

        def limited():
            neighbors = {n["neighbor"]: n for n in line.router.show("rip", "neighbors")}
            one = neighbors.get("10.72.0.77", {})
            return one if one.get("route-faults", {}).get("over-neighbor-limit", 0) > 0 else None

        one = line.eventually(limited, 10, "the limit is met")
        assert one["routes"] <= 10_000
        assert any("more than 10000 routes" in e["event"] for e in line.router.show("rip", "events"))
        assert {FRR_STUB, BIRD_STUB} <= set(line.learned())
        line.ping()
        neighbors = {n["neighbor"]: n for n in line.router.show("rip", "neighbors")}
        assert neighbors["10.71.0.2"]["state"] == "up" and neighbors["10.72.0.2"]["state"] == "up"
