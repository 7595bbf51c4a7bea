"""Either half may die: forwarding survives the control plane, and comes back after the dataplane."""

import time

import pytest

from network import WAN_HOST
from router import eventually
from stream import CountedStream

BOTH = pytest.mark.parametrize(
    "network", ["net_tap", "net_af_packet"], ids=["tap", "af_packet"], indirect=True
)


def wait_until_control_plane_is_back(router, old_pid):
    eventually(
        lambda: router.pid_of("godwit-controlplane") not in (None, old_pid),
        5,
        "the supervisor starts the control plane again",
    )
    router.wait_until_ready(10)


@BOTH
def test_no_packet_is_lost_when_the_control_plane_is_killed(network):
    router = network.router
    network.ping()
    with CountedStream(network.lan, network.wan, WAN_HOST) as stream:
        stream.run_for(0.5)
        for _ in range(5):
            pid = router.kill("godwit-controlplane")
            wait_until_control_plane_is_back(router, pid)
        stream.run_for(0.5).finish()
    stream.assert_nothing_lost()
    assert router.show("status")["dataplane"]["session"] >= 6
    assert not router.disagreements()


def test_routes_removed_from_the_file_meanwhile_are_swept(network):
    router = network.router
    network.config["static"]["routes"] = {
        "10.50.0.0/16": {"via": WAN_HOST},
        "10.51.0.0/16": {"blackhole": True},
        "10.52.0.0/16": {"via": WAN_HOST},
    }
    router.apply(network.config)
    router.wait_until_ready()
    network.ping()
    with CountedStream(network.lan, network.wan, WAN_HOST) as stream:
        stream.run_for(0.3)
        del network.config["static"]["routes"]["10.50.0.0/16"]
        del network.config["static"]["routes"]["10.51.0.0/16"]
        network.config["static"]["routes"]["10.53.0.0/16"] = {"blackhole": True}
        router.write(network.config)
        pid = router.kill("godwit-controlplane")
        wait_until_control_plane_is_back(router, pid)
        stream.run_for(0.3).finish()
    stream.assert_nothing_lost()
    prefixes = {route["prefix"] for route in router.show("fib")}
    assert "10.50.0.0/16" not in prefixes and "10.51.0.0/16" not in prefixes
    assert {"10.52.0.0/16", "10.53.0.0/16"} <= prefixes
    assert router.show("status")["revision"] == router.ctl_history()[0]["revision"]


def test_a_broken_edit_meanwhile_keeps_the_last_good_one(network):
    router = network.router
    network.ping()
    router.write("version: 1\nsistem: {}\n")
    pid = router.kill("godwit-controlplane")
    wait_until_control_plane_is_back(router, pid)
    network.ping()
    assert "unknown-key" in router.log()


def seconds_without_traffic(network):
    """After the death of the dataplane."""
    router = network.router
    with CountedStream(network.lan, network.wan, WAN_HOST) as stream:
        stream.run_for(0.5)
        killed = time.monotonic()
        router.kill("godwit-dataplane")
        # A tap vanishes with its dataplane; that its new kernel end belongs into the client's
        # namespace is this test's own doing.
        attached = network.attach()
        eventually(
            lambda: any(at > killed + 0.05 for at in list(stream.arrivals.values())[-20:]),
            10,
            "traffic flows again",
        )
        router.wait_until_ready(10)
        stream.run_for(0.5).finish()
    back = min(at for at in stream.arrivals.values() if at > killed + 0.05) - killed
    return back - attached


# rfc1812: 10.3.2.2/b
@pytest.mark.alone
@BOTH
def test_traffic_flows_again_within_two_seconds_of_the_death_of_the_dataplane(network):
    router = network.router
    network.config["static"]["routes"] = {
        f"10.{second}.{third}.0/24": {"via": WAN_HOST} for second in (60, 61) for third in range(200)
    }
    router.apply(network.config)
    router.wait_until_ready()
    before = {route["prefix"] for route in router.show("fib") if route["origin"] == "route"}
    network.ping()
    # The fastest of three: a machine that others use, too, gives a process its time late.
    took = []
    while not took or (took[-1] >= 2.0 and len(took) < 3):
        took.append(seconds_without_traffic(network))
    assert took[-1] < 2.0, f"traffic was back after {took} s"
    after = {route["prefix"] for route in router.show("fib") if route["origin"] == "route"}
    assert after == before
    assert not router.disagreements()


def test_both_may_die_at_once(network):
    router = network.router
    network.ping()
    router.kill("godwit-dataplane")
    pid = router.kill("godwit-controlplane")
    wait_until_control_plane_is_back(router, pid)
    network.ping()


def test_the_supervisor_leaves_nothing_behind(network):
    router = network.router
    pids = [router.pid_of("godwit-dataplane"), router.pid_of("godwit-controlplane")]
    router.process.kill()
    router.process.wait()
    # At once: the new one waits for the old ones to be gone. What a kill leaves behind (sockets,
    # locks) does not keep it from starting.
    router.start()
    network.attach()
    router.wait_until_ready()
    for pid in pids:
        assert not is_alive(pid)
    network.ping()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
