"""Metrics over the router's own stack: curl and the parsers of others, from a client through the
dataplane."""

import copy
import socket
import subprocess

import pytest
from prometheus_client import parser as prometheus
from prometheus_client.openmetrics import parser as openmetrics

from network import LAN_HOST, LAN_ROUTER, WAN_ROUTER, Network
from router import ROOT, eventually

PORT = 9111
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


@pytest.fixture(name="network")
def network_fixture(request):
    with Network("net_af_packet") as made:
        made.config["telemetry"] = {"prometheus": {"listen": f"lan0:{PORT}"}}
        made.start()
        yield made
        if not getattr(request.node, "call_failed", True):
            made.router.assert_ledger_balances()
            made.router.stop()


def curl(network, *options, path="/metrics", place=f"{LAN_ROUTER}:{PORT}", client=None, check=True):
    return (client or network.lan).run(
        "curl", "-sS", "-m", "10", *options, f"http://{place}{path}", check=check
    )


def samples_of(families):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def scrape(network, **options):
    return samples_of(
        prometheus.text_string_to_metric_families(curl(network, **options).stdout)
    )


def value(samples, name, **labels):
    return samples[(name, tuple(sorted(labels.items())))]


def status_of(network, *options, **where):
    return curl(
        network, "-o", "/dev/null", "-w", "%{http_code} %{content_type}", *options, **where
    ).stdout


def test_a_stranger_parses_both_forms_and_finds_what_show_says(network):
    network.ping()
    network.ping(target="192.0.2.1", count=2, check=False)  # drops
    plain = curl(network, "-D", "-", "-H", "Accept: text/plain").stdout
    head, text = plain.split("\n\n", 1) if "\n\n" in plain else plain.split("\r\n\r\n", 1)
    assert "text/plain; version=0.0.4" in head
    samples = samples_of(prometheus.text_string_to_metric_families(text))
    open_text = curl(network, "-H", f"Accept: {OPENMETRICS}").stdout
    open_samples = samples_of(openmetrics.text_string_to_metric_families(open_text))
    assert set(samples) == set(open_samples)

    router = network.router
    interfaces = {row["name"]: row for row in router.show("interfaces")}
    # Nobody sends anything on wan0 now, so its numbers stand still.
    eventually(lambda: wan_agrees(network), 10, "wan0's numbers in metrics and in show")
    for name, row in interfaces.items():
        assert value(samples, "godwit_interface_link_up", interface=name) == 1
        assert value(samples, "godwit_interface_mtu_bytes", interface=name) == row["mtu"]
    drops = {row["reason"]: row["packets"] for row in router.show("drops")}
    later = scrape(network)
    for reason, packets in drops.items():
        before = value(samples, "godwit_drop_packets_total", reason=reason)
        after = value(later, "godwit_drop_packets_total", reason=reason)
        assert before <= packets <= after, reason
    assert value(samples, "godwit_drop_packets_total", reason="ip4-no-route") >= 2
    for source in ("connected", "local"):
        shown = sum(row["source"] == source for row in router.show("routes"))
        assert value(samples, "godwit_route_count", source=source) == shown
    assert value(samples, "godwit_dataplane_up") == 1
    assert value(samples, "godwit_tcp_connections", state="established") == 1
    assert 0 <= value(samples, "godwit_worker_busy_ratio", worker="0") <= 1
    # All that the reference promises of this router is there, and nothing else.
    documented = {
        line.split("`")[1] for line in (ROOT / "docs/metrics.md").read_text().splitlines()
        if line.startswith("| `godwit_")
    }
    assert {name for name, _ in samples} <= documented


def wan_agrees(network):
    before = network.router.interface("wan0")
    samples = scrape(network)
    after = network.router.interface("wan0")
    return before == after and all(
        value(samples, f"godwit_interface_{name}_total", interface="wan0") == before[key]
        for key, name in (
            ("rx-packets", "receive_packets"),
            ("rx-bytes", "receive_bytes"),
            ("tx-packets", "transmit_packets"),
            ("tx-bytes", "transmit_bytes"),
            ("in-sent", "forwarded_packets"),
            ("in-dropped", "dropped_packets"),
        )
    )


def test_only_get_and_head_of_one_path_are_answered(network):
    assert status_of(network) == "200 text/plain; version=0.0.4; charset=utf-8"
    assert status_of(network, "-I").startswith("200 ")
    assert status_of(network, path="/").startswith("404 ")
    assert status_of(network, path="/metrics?name[]=x", *["-g"]).startswith("200 ")
    assert status_of(network, "-X", "DELETE").startswith("405 ")
    assert status_of(network, "-d", "a body").startswith("405 ")
    assert status_of(network, "-H", "X-Long: " + "x" * 9000).startswith("431 ")
    samples = scrape(network)
    assert value(samples, "godwit_metrics_not_found_requests_total") == 1
    assert value(samples, "godwit_metrics_not_allowed_requests_total") == 2
    assert value(samples, "godwit_metrics_bad_requests_total") == 1


def test_one_connection_serves_many_scrapes(network):
    urls = [f"http://{LAN_ROUTER}:{PORT}/metrics"] * 20
    done = network.lan.run("curl", "-sS", "-m", "30", "-w", "%{num_connects}\n", *urls)
    connects = [line for line in done.stdout.splitlines() if line in ("0", "1")]
    assert connects.count("1") == 1 and connects.count("0") == 19


def test_a_connection_over_the_limit_is_reset_and_scrapers_come_back(network):
    held = []
    for _ in range(16):
        idle = network.lan.socket(kind=socket.SOCK_STREAM)
        idle.settimeout(5)
        idle.connect((LAN_ROUTER, PORT))
        held.append(idle)
    held[0].sendall(b"GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n")
    assert held[0].recv(12) == b"HTTP/1.1 200"
    assert curl(network, check=False).returncode != 0
    for idle in held:
        idle.close()
    samples = eventually(
        lambda: (done := curl(network, check=False)).returncode == 0
        and samples_of(prometheus.text_string_to_metric_families(done.stdout)),
        10,
        "a scrape after the others have left",
    )
    assert value(samples, "godwit_metrics_refused_connections_total") >= 1


def test_places_come_go_and_change_while_it_runs(network):
    router = network.router
    away = curl(network, place=f"{WAN_ROUTER}:{PORT}", client=network.wan, check=False)
    assert away.returncode == 7, "nothing listens on wan0"

    config = copy.deepcopy(network.config)
    config["telemetry"]["prometheus"]["listen"] = [f"lan0:{PORT}", f"{WAN_ROUTER}:9112"]
    router.apply(config)
    assert value(scrape(network), "godwit_configuration_revision") == 2
    scrape(network, place=f"{WAN_ROUTER}:9112", client=network.wan)

    config["telemetry"]["prometheus"]["listen"] = "lan0:9113"
    router.apply(config)
    assert curl(network, check=False).returncode == 7
    scrape(network, place=f"{LAN_ROUTER}:9113")
    assert curl(network, place=f"{WAN_ROUTER}:9112", client=network.wan, check=False).returncode == 7

    del config["telemetry"]
    router.apply(config)
    assert curl(network, place=f"{LAN_ROUTER}:9113", check=False).returncode == 7
    assert router.show("sockets") == []


def test_the_page_goes_on_without_a_dataplane_and_its_connection_outlives_it(network):
    client = network.lan.socket(kind=socket.SOCK_STREAM)
    client.settimeout(30)
    client.connect((LAN_ROUTER, PORT))
    request = b"GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n"

    def ask():
        client.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(65536)
        head, body = received.split(b"\r\n\r\n", 1)
        length = next(
            int(line.split(b":")[1])
            for line in head.splitlines()
            if line.lower().startswith(b"content-length")
        )
        while len(body) < length:
            body += client.recv(65536)
        return samples_of(prometheus.text_string_to_metric_families(body.decode()))

    before = ask()
    network.router.kill("godwit-dataplane")
    after = ask()
    assert value(after, "godwit_controlplane_uptime_seconds") >= value(
        before, "godwit_controlplane_uptime_seconds"
    )
    eventually(
        lambda: value(ask(), "godwit_dataplane_restarts_total") == 1, 30, "the dataplane is back"
    )
    network.router.wait_until_ready()


def test_scrapes_cost_no_packet(network):
    """Scrape upon scrape while a counted ping runs: it loses nothing."""
    network.ping()
    ping = network.wan.start(
        *("ping", "-q", "-i", "0.005", "-c", "800", LAN_HOST), stdout=subprocess.PIPE, text=True
    )
    scrapes = 0
    while ping.poll() is None:
        scrape(network)
        scrapes += 1
    assert " 0% packet loss" in ping.stdout.read()
    assert scrapes > 10
