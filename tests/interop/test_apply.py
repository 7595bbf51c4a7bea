"""Live changes: what changes does, what does not change loses nothing, what is broken changes
nothing."""

import copy
import json
import signal

import pytest

from network import LAN_ROUTER, WAN_HOST
from router import eventually
from stream import CountedStream


# rfc1812: 10.3.2.6, 10.3.2.3/a
@pytest.mark.parametrize(
    "network",
    [("net_tap", ()), ("net_af_packet", (0, 1))],
    ids=["tap", "af_packet-2-workers"],
    indirect=True,
)
def test_a_hundred_applies_lose_no_packet_of_an_unrelated_path(network):
    router = network.router
    network.ping()
    with CountedStream(network.lan, network.wan, WAN_HOST) as stream:
        for round_number in range(100):
            config = copy.deepcopy(network.config)
            if round_number % 2 == 0:
                config["interfaces"]["lan0"]["addresses"].append(f"10.7.{round_number}.1/24")
                config["interfaces"]["lo0"] = {"loopback": True, "addresses": ["192.0.2.1/32"]}
            for number in range(round_number % 10):
                route = {"via": WAN_HOST} if number % 2 else {"blackhole": True}
                config["static"]["routes"][f"10.{100 + number}.0.0/16"] = route
            router.apply(config)
        stream.finish()
    stream.assert_nothing_lost()
    assert not router.disagreements()
    assert len(json.loads(router.ctl("history", "-o", "json").stdout)) >= 100


def test_an_applied_address_answers_and_a_removed_one_does_not(network):
    router = network.router
    config = copy.deepcopy(network.config)
    config["interfaces"]["lan0"]["addresses"].append("10.3.0.1/24")
    network.lan.ip("address", "add", "10.3.0.2/24", "dev", "eth0")
    router.apply(config, "-m", "a second subnet")
    network.ping(target="10.3.0.1")
    router.apply(network.config)
    assert " 0 received" in network.ping(target="10.3.0.1", count=1, check=False).stdout
    network.ping(target=LAN_ROUTER)
    history = json.loads(router.ctl("history", "-o", "json").stdout)
    assert [entry["message"] for entry in history][1] == "a second subnet"
    assert history[0]["running"] and not history[1]["running"]


# rfc1812: 3.3.6/c, 5.3.12.3/a, 5.3.12.4/a
def test_an_interface_may_be_disabled_and_enabled(network):
    config = copy.deepcopy(network.config)
    config["interfaces"]["wan0"]["enabled"] = False
    network.router.apply(config)
    assert " 0 received" in network.ping(count=1, check=False).stdout
    network.router.apply(network.config)
    network.router.wait_until_ready()
    network.ping()


# rfc1812: 3.3.4/a, 5.2.7.1/i
def test_a_smaller_mtu_is_told_to_the_sender(network):
    config = copy.deepcopy(network.config)
    config["interfaces"]["wan0"]["mtu"] = 1400
    network.router.apply(config)
    out = network.ping(size=1472, count=1, check=False)
    assert "mtu = 1400" in out.stdout + out.stderr or "mtu=1400" in out.stdout + out.stderr, out
    network.ping(size=1372)
    network.router.apply(network.config)
    network.lan.ip("route", "flush", "cache")
    network.ping(size=1472)


def test_a_plan_says_what_it_would_do_and_does_nothing(network):
    router = network.router
    config = copy.deepcopy(network.config)
    config["static"]["routes"]["10.99.0.0/16"] = {"blackhole": True}
    config["workers"]["memory"] = "300MiB"
    before = router.show("status")["revision"]
    plan = json.loads(
        router.ctl("plan", router.write(config, router.folder / "p.yaml"), "-o", "json").stdout
    )
    costs = {change["path"]: change["cost"] for change in plan["changes"]}
    assert costs["static.routes.10.99.0.0/16"] == "live"
    assert costs["workers.memory"] == "restart"
    assert plan["cost"] == "restart"
    assert router.show("status")["revision"] == before
    refused = router.apply(config, check=False)
    assert refused.returncode == 1 and "restart" in refused.stderr
    assert router.show("status")["revision"] == before


def test_nothing_to_change_makes_no_revision(network):
    router = network.router
    before = router.show("status")["revision"]
    assert "nothing changes" in router.apply(network.config).stdout
    assert router.show("status")["revision"] == before


def test_a_restart_that_is_allowed_happens_by_itself(network):
    router = network.router
    network.ping()
    old = router.pid_of("godwit-dataplane")
    config = copy.deepcopy(network.config)
    config["workers"]["memory"] = "300MiB"
    router.apply(config, "--allow-restart")
    eventually(
        lambda: router.pid_of("godwit-dataplane") not in (None, old), 10, "the dataplane is new"
    )
    router.wait_until_ready()
    network.ping()
    status = router.show("status")
    assert status["dataplane"]["config-sha256"] == status["config-sha256"]


def test_sighup_applies_the_file(network):
    router = network.router
    network.config["static"]["routes"]["10.99.0.0/16"] = {"blackhole": True}
    router.write(network.config)
    router.process.send_signal(signal.SIGHUP)
    eventually(lambda: router.show("routes", "10.99.0.0/16"), 5, "the route is there")
    assert router.ctl_history()[0]["message"] == "reloaded by signal"
    router.write("version: 1\nsistem: {}\n")
    router.process.send_signal(signal.SIGHUP)
    eventually(lambda: "was not applied" in router.log(), 5, "the refusal is logged")
    assert "unknown-key" in router.log()
    network.ping()


BROKEN = {
    "unknown and duplicate keys": (
        "version: 1\nversion: 1\ninterfacs: {}\nsystem: {hostnam: x}\n",
        ["duplicate-key", "interfacs", "hostnam"],
    ),
    "wrong types and units": (
        "version: 1\nworkers: {main-core: first, memory: 512}\n",
        ["main-core", "memory"],
    ),
    "dangling reference": (
        "version: 1\nstatic: {routes: {10.0.0.0/8: {interface: nowhere}}}\n",
        ["nowhere"],
    ),
    "no YAML": ("version: [1\n", ["broken.yaml"]),
    "empty": ("", ["version"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_configuration_does_not_start(name, tmp_path):
    from namespaces import run  # pylint: disable=import-outside-toplevel
    from router import GODWIT  # pylint: disable=import-outside-toplevel

    text, words = BROKEN[name]
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    for verb in (["check"], ["run", "--state-dir", tmp_path / "state"]):
        done = run(GODWIT, *verb, file, check=False)
        assert done.returncode == 1
        for word in words:
            assert word in done.stderr, done.stderr
        assert "broken.yaml:" in done.stderr
    assert not (tmp_path / "state").exists()


# rfc1812: 10.3.2.5/a
def test_a_broken_configuration_changes_nothing(network):
    router = network.router
    network.ping()
    before = (router.show("status")["revision"], router.show("routes"))
    for name, (text, words) in BROKEN.items():
        for verb in ("check", "plan", "apply"):
            file = router.write(text, router.folder / "broken.yaml")
            done = router.ctl(verb, file, check=False)
            assert done.returncode == 1, (name, verb)
            for word in words:
                assert word in done.stderr, (name, verb, done.stderr)
    assert (router.show("status")["revision"], router.show("routes")) == before
    network.ping()
    # The device's limit is known to the router only.
    config = copy.deepcopy(network.config)
    config["interfaces"]["wan0"]["mtu"] = 9000
    refused = router.apply(config, check=False)
    assert refused.returncode == 1 and "1500" in refused.stderr, refused.stderr
    assert router.show("status")["revision"] == before[0]
