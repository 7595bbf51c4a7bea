"""NAT44 between real hosts: a private network behind the router's one address."""

import concurrent.futures
import copy
import hashlib
import json
import os
import re
import socket
import time

import pytest

from file_server import file_server
from nat_network import (
    MASQUERADE,
    OUTSIDE,
    WAN_SECOND,
    WORKERS,
    NatNetwork,
    client_address,
    nat_router,
)
from nat_peers import (
    CountedConnection,
    FtpControl,
    FtpServer,
    Mirror,
    TcpEcho,
    ask_mirror,
)
from network import LAN_ROUTER, WAN_HOST
from router import BUILD, eventually

def refused(network, reason):
    return network.router.show("nat")["refused"][reason]


# ---- everyday traffic


@WORKERS
def test_twenty_clients_share_one_address(cores):
    """curl from each at once, every file intact; one ping each, at the same time."""
    data = os.urandom(1 << 20)
    want = hashlib.sha256(data).hexdigest()
    with nat_router(cores=cores, clients=20) as network, file_server(network.wan, WAN_HOST, data):

        def fetch(number):
            path = network.router.folder / f"received-{number}"
            network.clients[number].run(
                *("curl", "-sS", "-m", "60", "-o", path, f"http://{WAN_HOST}:8080/"), timeout=90
            )
            return hashlib.sha256(path.read_bytes()).hexdigest()

        def ping(number):
            return network.ping(source=network.clients[number], count=5).stdout

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            assert set(pool.map(fetch, range(20))) == {want}
            list(pool.map(ping, range(20)))
        status = network.router.show("nat")
        assert status["sessions-made"] >= 40, status
        subscribers = network.router.show("nat", "subscribers")
        assert {one["inside"] for one in subscribers} == {client_address(n) for n in range(20)}
        assert {one["outside"] for one in subscribers} == {OUTSIDE}


# rfc5508: REQ-10/a
@WORKERS
def test_everyday_tools_work(cores):
    with nat_router(cores=cores, clients=2) as network:
        client = network.clients[0]
        for size in (56, 1472):
            network.ping(source=client, size=size)
        hops = client.run(*"traceroute -n -q 1 -w 2 -m 4".split(), WAN_HOST).stdout
        assert re.findall(r"^ *\d+  (\S+)", hops, re.MULTILINE) == [LAN_ROUTER, WAN_HOST], hops
        hops = client.run(*"traceroute -I -n -q 1 -w 2 -m 4".split(), WAN_HOST).stdout
        assert re.findall(r"^ *\d+  (\S+)", hops, re.MULTILINE) == [LAN_ROUTER, WAN_HOST], hops
        server = network.wan.start("iperf3", "-s", stdout=-3, stderr=-3)
        try:
            for options in ([], ["-R"], ["-u", "-b", "20M"], ["-u", "-b", "20M", "-R"]):

                def received(options=options):
                    done = client.run(
                        *("iperf3", "-J", "-c", WAN_HOST, "-t", 2, *options),
                        check=False,
                        timeout=60,
                    )
                    end = json.loads(done.stdout or "{}").get("end", {})
                    return end.get("sum_received", end.get("sum", {})).get("bytes", 0)

                assert eventually(received, 30, f"iperf3 {options}", every=0.2) > 1_000_000
        finally:
            server.terminate()
            server.wait()


# rfc4787: REQ-14
@WORKERS
def test_fragments_cross_in_both_directions(cores):
    nat = {
        "source": [MASQUERADE],
        "static": [
            {"name": "whole", "out-interface": "wan0", "inside": client_address(1), "outside": "10.2.0.9"}
        ],
    }
    with nat_router(cores=cores, clients=2, nat=nat) as network:
        out = network.clients[0].run("ping", "-n", "-c", 3, "-i", "0.2", "-W", 2, "-s", 4000, WAN_HOST)
        assert " 3 received" in out.stdout, out.stdout
        # From outside, to an address that leads inside.
        out = network.wan.run("ping", "-n", "-c", 3, "-i", "0.2", "-W", 2, "-s", 4000, "10.2.0.9")
        assert " 3 received" in out.stdout, out.stdout
        with Mirror(network.wan, [(WAN_HOST, 3478)]), network.clients[0].socket() as client:
            client.bind(("", 7000))
            assert ask_mirror(client, (WAN_HOST, 3478), "x" * 4000) == f"{OUTSIDE}:7000"


# ---- mappings as RFC 4787 wants them


# rfc4787: REQ-1, REQ-8, rfc7857: 9/a
@WORKERS
def test_a_stun_probe_finds_endpoint_independent_mapping_and_filtering(cores):
    servers = [(WAN_HOST, 3478), (WAN_HOST, 3479), (WAN_SECOND, 3478), (WAN_SECOND, 3479)]
    with nat_router(cores=cores, clients=2) as network, Mirror(network.wan, servers):
        for port in (40000, 40001, 40002, 40003):
            with network.clients[port % 2].socket() as client:
                client.bind(("", port))
                seen = {ask_mirror(client, server) for server in servers}
                assert seen == {f"{OUTSIDE}:{port}"}, "one mapping, with the port preserved"
                # From an address and a port that the inside has not sent to.
                answer = ask_mirror(client, (WAN_HOST, 3478), f"from {WAN_SECOND}:3479")
                assert answer == f"{OUTSIDE}:{port}"
        # Two hosts with one port: the second gets another, of the same parity.
        with network.clients[0].socket() as one, network.clients[1].socket() as two:
            one.bind(("", 41000))
            two.bind(("", 41000))
            first = ask_mirror(one, servers[0])
            second = ask_mirror(two, servers[0])
            assert first == f"{OUTSIDE}:41000" and second != first
            assert int(second.split(":")[1]) % 2 == 0


# rfc4787: REQ-8/a
def test_a_stricter_filter_lets_only_those_answer_whom_the_inside_has_sent_to():
    servers = [(WAN_HOST, 3478), (WAN_HOST, 3479), (WAN_SECOND, 3478)]
    nat = {"source": [MASQUERADE], "filtering": "address-and-port-dependent"}
    with nat_router(clients=1, nat=nat) as network, Mirror(network.wan, servers):
        with network.clients[0].socket() as client:
            client.bind(("", 40000))
            assert ask_mirror(client, servers[0]) == f"{OUTSIDE}:40000"
            request = f"from {WAN_HOST}:3479"
            assert ask_mirror(client, servers[0], request, timeout=0.5) is None
            assert ask_mirror(client, servers[1]) == f"{OUTSIDE}:40000", "the mapping is one"
        assert refused(network, "filtered") >= 1


# rfc4787: REQ-9, REQ-9/a
@WORKERS
def test_two_clients_meet_by_their_outside_endpoints(cores):
    """A UDP hole punch behind one NAT: each learns its outside endpoint, then they speak by those."""
    with nat_router(cores=cores, clients=2) as network, Mirror(network.wan, [(WAN_HOST, 3478)]):
        with network.clients[0].socket() as one, network.clients[1].socket() as two:
            one.bind(("", 5000))
            two.bind(("", 5101))
            ends = []
            for client in (one, two):
                address, port = ask_mirror(client, (WAN_HOST, 3478)).split(":")
                ends.append((address, int(port)))
            for _ in range(3):
                one.sendto(b"from one", ends[1])
                two.sendto(b"from two", ends[0])
            one.settimeout(5)
            two.settimeout(5)
            assert one.recvfrom(100) == (b"from two", ends[1])
            assert two.recvfrom(100) == (b"from one", ends[0])


# ---- ports that lead inside


# rfc5382: REQ-8, REQ-8/a
@WORKERS
def test_a_forwarded_port_is_reached_from_outside_and_from_inside(cores):
    nat = {
        "source": [MASQUERADE],
        "destination": [
            {"name": "web", "in-interface": "wan0", "protocol": "tcp", "port": 443,
             "to": f"{client_address(0)}:8443"},
            {"name": "game", "in-interface": "wan0", "protocol": "udp", "port": "5000-5010",
             "to": client_address(0)},
        ],
    }
    with nat_router(cores=cores, clients=2, nat=nat) as network:
        server, client = network.clients
        inside = (client_address(0), 8443)
        with TcpEcho(server, inside) as echo, Mirror(server, [(client_address(0), 5003)]):
            outside = CountedConnection(network.wan, (OUTSIDE, 443))
            outside.talk(20)
            assert echo.seen[-1][0] == WAN_HOST, "the server sees who it is"
            hairpin = CountedConnection(client, (OUTSIDE, 443))
            hairpin.talk(20)
            assert echo.seen[-1][0] == OUTSIDE, "the outside address of the one inside"
            outside.close()
            hairpin.close()
            with network.wan.socket() as player:
                player.bind((WAN_HOST, 9999))
                assert ask_mirror(player, (OUTSIDE, 5003)) == f"{WAN_HOST}:9999"
        rules = {one["name"]: one for one in network.router.show("nat")["rules"]}
        assert rules["web"]["sessions-made"] >= 2


# ---- file transfer


ACTIVE = ("--ftp-port", "-")
WITH_GATEWAY = {"source": [MASQUERADE], "alg": {"ftp": True}}


def transfer(client, folder, server, *options, seconds=15):
    """Fetches `file` and puts it back under another name; whether all of it arrived both ways."""
    fetched = folder / f"fetched-{client.name}"
    done = client.run(
        *("curl", "-sS", "-m", seconds, *options, "-o", fetched, f"ftp://{server}/file"),
        check=False,
        timeout=2 * seconds,
    )
    if done.returncode != 0:
        return False
    put = client.run(
        *("curl", "-sS", "-m", seconds, *options, "-T", fetched),
        f"ftp://{server}/returned-{client.name}",
        check=False,
        timeout=2 * seconds,
    )
    returned = folder / "served" / f"returned-{client.name}"
    intact = put.returncode == 0 and returned.read_bytes() == (folder / "served/file").read_bytes()
    for path in (fetched, returned):
        path.unlink(missing_ok=True)
    return intact


@pytest.fixture(name="folder")
def _folder(tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    served.chmod(0o777)
    (served / "file").write_bytes(os.urandom(300_000))
    return tmp_path


# rfc4787: REQ-10
def test_files_are_transferred_in_passive_mode_and_active_mode_wants_the_gateway(folder):
    with nat_router(clients=1) as network, FtpServer(network.wan, WAN_HOST, folder / "served"):
        client = network.clients[0]
        assert transfer(client, folder, WAN_HOST)
        assert transfer(client, folder, WAN_HOST, "--disable-epsv")
        for options in (ACTIVE, (*ACTIVE, "--disable-eprt")):
            assert not transfer(client, folder, WAN_HOST, *options, seconds=4)
        assert network.router.show("nat")["ftp"]["translated"] == 0


# rfc4787: REQ-10/a
@WORKERS
def test_files_are_transferred_in_active_mode_by_the_gateway(cores, folder):
    """Each transfer is from other ports, so that the control connection and the port that is named
    belong to the same worker or to two."""
    with nat_router(clients=2, cores=cores, nat=WITH_GATEWAY) as network:
        with FtpServer(network.wan, WAN_HOST, folder / "served"):
            one, two = network.clients
            for _ in range(3):
                assert transfer(one, folder, WAN_HOST, *ACTIVE)
                assert transfer(two, folder, WAN_HOST, *ACTIVE, "--disable-eprt")
            assert transfer(one, folder, WAN_HOST), "passive as before"
        seen = network.router.show("nat")["ftp"]
        assert seen["translated"] >= 12 and seen["refused"] == 0 and seen["limited"] == 0, seen


@WORKERS
def test_a_command_in_pieces_is_followed_and_a_bounce_is_not(cores, folder):
    with nat_router(clients=2, cores=cores, nat=WITH_GATEWAY) as network:
        with FtpServer(network.wan, WAN_HOST, folder / "served"):
            client = network.clients[0]
            # With Nagle's algorithm each piece waits until the last one is acknowledged.
            for hurried in (0, 1):
                control = FtpControl(client, WAN_HOST, hurried=hurried)
                with client.socket(kind=socket.SOCK_STREAM) as listener:
                    listener.bind((client_address(0), 0))
                    listener.listen(1)
                    listener.settimeout(10)
                    port = listener.getsockname()[1]
                    words = client_address(0).replace(".", ",")
                    line = f"PORT {words},{port >> 8},{port & 255}\r\n"
                    assert control.ask(*line) == "200"
                    assert control.ask("RETR file\r\n") in ("125", "150")
                    data, peer = listener.accept()
                    with data:
                        data.settimeout(10)
                        received = b"".join(iter(lambda: data.recv(65536), b""))
                    assert peer[0] == WAN_HOST
                    assert received == (folder / "served/file").read_bytes()
                assert control.reply() == "226"
                # Another host of the inside (RFC 2577): nothing is opened to it.
                other = client_address(1).replace(".", ",")
                assert control.ask(f"PORT {other},200,1\r\n")[0] == "5"
                assert control.ask("NOOP\r\n") == "200", "the numbers of both ends still agree"
                control.close()
        seen = network.router.show("nat")["ftp"]
        assert seen["held"] > 10 and seen["refused"] == 2, seen


@WORKERS
def test_a_file_server_behind_a_forwarded_port_is_reached_in_both_modes(cores, folder):
    forward = {"name": "files", "in-interface": "wan0", "protocol": "tcp", "port": 21,
               "to": client_address(0)}
    nat = {**WITH_GATEWAY, "destination": [forward], "filtering": "address-and-port-dependent"}
    with nat_router(clients=2, cores=cores, nat=nat) as network:
        server, inside = network.clients
        with FtpServer(server, client_address(0), folder / "served"):
            for client in (network.wan, inside):  # the other inside host by hairpin
                assert transfer(client, folder, OUTSIDE)
                # By the address that the reply names.
                assert transfer(client, folder, OUTSIDE, "--disable-epsv", "--no-ftp-skip-pasv-ip")
                assert transfer(client, folder, OUTSIDE, *ACTIVE)


# ---- under attack


@pytest.mark.alone
@WORKERS
def test_scans_and_floods_and_exhaustion_lose_nothing_of_what_runs(cores):
    """Counted connections of one client, while another scans, while the outside floods, and while
    the ports run out."""
    nat = {
        "source": [{**MASQUERADE, "ports": "20000-21999"}],
        "limits": {"sessions": 3000},
        "max-sessions": 8192,
    }
    with nat_router(cores=cores, clients=2, nat=nat) as network:
        with TcpEcho(network.wan, (WAN_HOST, 7777)), Mirror(network.wan, [(WAN_HOST, 3478)]):
            quiet, loud = network.clients
            kept = [CountedConnection(quiet, (WAN_HOST, 7777)) for _ in range(20)]

            def all_talk():
                for connection in kept:
                    connection.talk()

            all_talk()
            scan = loud.start(
                *("nmap", "-n", "-Pn", "-sT", "-T5", "--max-retries", "0", "-p", "1-2500", WAN_HOST),
                stdout=-3,
                stderr=-3,
            )
            while scan.poll() is None:
                all_talk()
            flood = network.wan.start(
                *("nping", "--tcp", "--flags", "syn", "-p", "20000-21999", "--rate", "2000"),
                *("-c", "3", "-q", OUTSIDE),
                stdout=-3,
                stderr=-3,
            )
            while flood.poll() is None:
                all_talk()
            # Every port: a datagram from a port of its own is a mapping.
            for port in range(30000, 32500):
                with loud.socket() as one:
                    one.bind(("", port))
                    one.sendto(b"who", (WAN_HOST, 3478))
                if port % 100 == 0:
                    all_talk()
            all_talk()
            assert refused(network, "ports-exhausted") + refused(network, "subscriber-sessions") > 0
            assert {connection.rounds for connection in kept} == {kept[0].rounds}
            for connection in kept:
                connection.close()


# ---- what sessions survive


def test_sessions_survive_the_death_of_the_control_plane():
    with nat_router(clients=1) as network, TcpEcho(network.wan, (WAN_HOST, 7777)):
        kept = CountedConnection(network.clients[0], (WAN_HOST, 7777))
        kept.talk(10)
        network.router.kill("godwit-controlplane")
        kept.talk(10)
        eventually(lambda: network.router.try_show("nat"), 20, "the control plane is back")
        network.router.wait_until_ready()
        kept.talk(10)
        assert any(one["inside"].startswith(client_address(0)) for one in network.sessions())
        kept.close()


def test_a_change_ends_the_sessions_that_it_must_and_no_other():
    nat = {
        "source": [
            {"name": "first", "out-interface": "wan0", "from": f"{client_address(0)}/32",
             "to": "10.2.0.20"},
            MASQUERADE,
        ]
    }
    with nat_router(clients=2, nat=nat) as network, TcpEcho(network.wan, (WAN_HOST, 7777)) as echo:
        first = CountedConnection(network.clients[0], (WAN_HOST, 7777))
        first.talk(1)  # the other end has taken the connection by then
        assert echo.seen[-1][0] == "10.2.0.20"
        second = CountedConnection(network.clients[1], (WAN_HOST, 7777))
        second.talk(1)
        assert echo.seen[-1][0] == OUTSIDE
        for number in range(10):
            config = copy.deepcopy(network.config)
            config["nat"]["timeouts"] = {"udp": f"{200 + number}s"}
            config["nat"]["destination"] = [
                {"name": "web", "in-interface": "wan0", "protocol": "tcp", "port": 1000 + number,
                 "to": client_address(1)}
            ]
            network.router.apply(config)
            first.talk(3)
            second.talk(3)
        plan = json.loads(
            network.router.ctl(
                "plan", network.router.write(network.config, network.router.folder / "p.yaml"),
                "-o", "json",
            ).stdout
        )
        assert {change["cost"] for change in plan["changes"]} == {"live"}
        config = copy.deepcopy(network.config)
        config["nat"]["source"][0]["to"] = "10.2.0.21"
        network.router.apply(config)
        second.talk(10)
        eventually(
            lambda: not any(one["outside"].startswith("10.2.0.20:") for one in network.sessions()),
            5,
            "the sessions of the address that is gone have ended",
        )
        assert len(network.sessions("--inside", client_address(1))) == 1
        first.close()
        second.close()


# ---- what is seen


def test_sessions_are_listed_filtered_cleared_and_recorded():
    nat = {"source": [MASQUERADE], "log": {"events": "sessions"}}
    with nat_router(clients=2, nat=nat) as network, Mirror(network.wan, [(WAN_HOST, 3478)]):
        for number, client in enumerate(network.clients):
            with client.socket() as one:
                one.bind(("", 6000 + number))
                assert ask_mirror(one, (WAN_HOST, 3478)) == f"{OUTSIDE}:{6000 + number}"
        listed = network.sessions("--protocol", "udp")
        assert {one["inside"] for one in listed} == {
            f"{client_address(0)}:6000", f"{client_address(1)}:6001"
        }
        one = network.sessions("--inside", client_address(1))[0]
        assert one["outside"] == f"{OUTSIDE}:6001" and one["remote"] == f"{WAN_HOST}:3478"
        assert one["rule"] == "lan-out" and one["protocol"] == "udp"
        assert network.sessions("--remote", "10.2.0.77") == []
        cleared = network.router.ctl("clear", "nat", "--inside", client_address(1))
        assert cleared.stdout == "1 session ended\n"
        assert len(network.sessions("--protocol", "udp")) == 1
        network.router.ctl("clear", "nat", "--all")
        assert network.sessions() == []
        journal = network.router.folder / "state" / "nat-journal.jsonl"
        lines = eventually(
            lambda: journal.exists() and len(journal.read_text().splitlines()) >= 4
            and [json.loads(line) for line in journal.read_text().splitlines()],
            5,
            "the journal has both sessions, made and ended",
        )
        made = [one for one in lines if one["event"] == "session-create"]
        assert {
            "natEvent": 4,
            "protocolIdentifier": 17,
            "sourceIPv4Address": client_address(0),
            "sourceTransportPort": 6000,
            "postNATSourceIPv4Address": OUTSIDE,
            "postNAPTSourceTransportPort": 6000,
            "destinationIPv4Address": WAN_HOST,
            "destinationTransportPort": 3478,
            "rule": "lan-out",
        }.items() <= made[0].items()
        assert abs(made[0]["observationTimeMilliseconds"] / 1000 - time.time()) < 60
        table = network.router.ctl("show", "nat").stdout
        assert "lan-out" in table and OUTSIDE in table


def test_the_router_itself_speaks_from_the_address_it_shares():
    with nat_router(clients=1) as network:
        network.ping(source=network.clients[0])
        done = network.router.ctl("ping", WAN_HOST, "-c", 3, "-i", "50ms", "-o", "json")
        assert json.loads(done.stdout.splitlines()[-1])["received"] == 3, done.stdout
        assert " 3 received" in network.ping(source=network.wan, target=OUTSIDE).stdout
        assert " 3 received" in network.ping(source=network.lan, target=LAN_ROUTER).stdout


@WORKERS
def test_the_routers_own_sockets_share_the_address_with_its_clients(cores):
    """It listens there, and connects from there, while clients are translated to the same address;
    one of them from the very port where it listens."""
    data = bytes(range(256)) * 1024
    with NatNetwork(cores=cores, clients=2) as network:
        network.router.controlplane = BUILD / "tests/interop/service/stranger-service"
        network.start()
        client = network.clients[0]
        with TcpEcho(network.wan, (WAN_HOST, 7000)) as echo, file_server(network.wan, WAN_HOST, data):
            begun = client.socket(kind=socket.SOCK_STREAM)
            begun.bind(("", 8080))
            begun.settimeout(10)
            begun.connect((WAN_HOST, 7000))
            begun.sendall(b"x")
            assert begun.recv(1) == b"x"
            assert echo.seen[0][0] == OUTSIDE and echo.seen[0][1] != 8080
            # From outside to both ports where the router listens: a SYN is not held for a client.
            for port in (80, 8080):
                line = f"curl -sS --fail --max-time 5 http://{OUTSIDE}:{port}/bytes/100000 | wc -c"
                assert network.wan.run("bash", "-c", line).stdout.strip() == "100000"
            # Its own connection to outside, asked for from inside.
            line = f"curl -sS --fail --max-time 20 http://{LAN_ROUTER}/fetch/{WAN_HOST}/8080/x"
            digest = client.run("bash", "-c", line).stdout.strip()
            assert digest == f"{len(data)} {hashlib.sha256(data).hexdigest()}"
            # And the client's goes on.
            begun.sendall(b"y")
            assert begun.recv(1) == b"y"
            begun.close()
        sessions = network.sessions("--protocol", "tcp")
        assert not [one for one in sessions if one["outside"] == f"{OUTSIDE}:8080"], sessions
        network.router.assert_ledger_balances()
        network.router.stop()
