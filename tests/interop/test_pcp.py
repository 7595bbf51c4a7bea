"""PCP (RFC 6887) between real hosts: those inside ask for the ports outside that lead to them."""

import contextlib
import copy
import hashlib
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

from file_server import file_server
from nat_network import MASQUERADE, OUTSIDE, WAN_SECOND, WORKERS, client_address, nat_router
from nat_peers import CountedConnection, Mirror, TcpEcho, ask_mirror
from network import LAN_ROUTER, WAN_HOST
from pcp_client import (
    ADDRESS_MISMATCH,
    ANNOUNCE,
    ANY,
    CANNOT_PROVIDE_EXTERNAL,
    NOT_AUTHORIZED,
    PEER,
    SERVER_PORT,
    SUCCESS,
    TCP,
    UDP,
    UNSUPP_OPCODE,
    UNSUPP_OPTION,
    UNSUPP_VERSION,
    USER_EX_QUOTA,
    Announcements,
    PcpClient,
    prefer_failure,
    remote_filter,
    third_party,
)
from router import ROOT, eventually
from stream import CountedStream

MAPPER = ROOT / "tests/interop/torrent_mapper.py"


@contextlib.contextmanager
def pcp_router(cores=(), pcp=None, **nat):
    """The network, and a client of PCP in each of two hosts."""
    nat = {"source": [MASQUERADE], "pcp": {"interfaces": ["lan0"], **(pcp or {})}, **nat}
    with nat_router(cores=cores, nat=nat) as network:
        hosts = [
            PcpClient(namespace, client_address(number))
            for number, namespace in enumerate(network.clients)
        ]
        # The router is ready before it knows how old its mappings are.
        eventually(lambda: hosts[0].announce(tries=1, timeout=1), 30, "the server answers")
        yield network, *hosts


def text(endpoint):
    return f"{endpoint[0]}:{endpoint[1]}"


def listed(network):
    """Outside endpoints of what hosts have, by protocol and inside endpoint."""
    return {
        (one["protocol"], one["inside"]): one["outside"]
        for one in network.router.show("nat", "mappings")
    }


def requested(network):
    return network.router.show("nat")["requested"]


@contextlib.contextmanager
def bound(namespace, endpoint):
    with namespace.socket() as one:
        one.bind(endpoint)
        yield one


def reaches(sender, endpoint, listener, tries=10, timeout=1):
    """From whom the listener hears what is sent to the endpoint; None when it does not."""
    for _ in range(tries):
        token = os.urandom(8)
        sender.sendto(token, endpoint)
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            listener.settimeout(left)
            try:
                data, source = listener.recvfrom(2048)
            except TimeoutError:
                break
            if data == token:
                return source
    return None


def curl(namespace, endpoint, path, seconds=20):
    """The digest of what a server sent; None when nothing came."""
    path.unlink(missing_ok=True)
    done = namespace.run(
        *("curl", "-sS", "--fail", "-m", seconds, "-o", path, f"http://{text(endpoint)}/"),
        check=False,
        timeout=2 * seconds,
    )
    return hashlib.sha256(path.read_bytes()).hexdigest() if done.returncode == 0 else None


# ---- ports that lead to who asked for them


# rfc6888: REQ-9
@WORKERS
def test_a_udp_port_leads_inside_before_its_host_has_sent_anything(cores):
    """Of several ports of two hosts, so that mappings belong to each worker."""
    player = (WAN_HOST, 9999)
    with pcp_router(cores) as (network, *hosts), contextlib.ExitStack() as stack:
        outsider = stack.enter_context(bound(network.wan, player))
        stack.enter_context(Mirror(network.wan, [(WAN_HOST, 3478), (WAN_SECOND, 3479)]))
        ends = {}
        for host in hosts:
            for port in range(7000, 7004):
                inside = (host.address, port)
                listener = stack.enter_context(bound(host.namespace, inside))
                answer = host.map(UDP, port, lifetime=600)
                assert (answer.result, answer.lifetime) == (SUCCESS, 600)
                assert answer.outside[0] == OUTSIDE
                ends[("udp", text(inside))] = text(answer.outside)
                assert reaches(outsider, answer.outside, listener) == player
                for server in ((WAN_HOST, 3478), (WAN_SECOND, 3479)):
                    assert ask_mirror(listener, server) == text(answer.outside)
        assert len(set(ends.values())) == 8
        assert listed(network) == ends
        shown = network.router.ctl("show", "nat", "mappings").stdout
        for (_, inside), outside in ends.items():
            assert inside in shown and outside in shown
        counts = requested(network)
        assert (counts["mappings"], counts["granted"]) == (8, 8), counts


# rfc6888: REQ-9
@WORKERS
def test_a_web_server_is_reached_by_the_port_that_it_suggested(cores):
    data = os.urandom(300_000)
    want = hashlib.sha256(data).hexdigest()
    with pcp_router(cores) as (network, host, other):
        path = network.router.folder / "received"
        suggested = (OUTSIDE, 18080)
        with file_server(host.namespace, host.address, data):
            assert curl(network.wan, suggested, path, seconds=2) is None
            answer = host.map(TCP, 8080, suggested=suggested)
            assert (answer.result, answer.outside) == (SUCCESS, suggested)
            assert curl(network.wan, suggested, path) == want
            assert curl(other.namespace, suggested, path) == want, "by hairpin"
            # What its host has ended is closed, and its host's again when it asks again.
            ended = host.release(TCP, 8080)
            assert (ended.result, ended.lifetime) == (SUCCESS, 0)
            assert listed(network) == {}
            assert curl(network.wan, suggested, path, seconds=2) is None
            again = host.map(TCP, 8080)
            assert (again.result, again.outside) == (SUCCESS, suggested)
            assert curl(network.wan, suggested, path) == want
        counts = requested(network)
        assert (counts["granted"], counts["ended"]["released"]) == (2, 1), counts


@contextlib.contextmanager
def torrent_client(host, port):
    """Yields what it says of itself; it ends with this."""
    process = host.namespace.start(
        *(sys.executable, MAPPER, host.address, port),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


# rfc6888: REQ-9
@WORKERS
def test_libtorrent_maps_its_ports_and_takes_them_back(cores):
    with pcp_router(cores) as (network, host, _):
        inside = f"{host.address}:6881"
        with torrent_client(host, 6881) as told:
            mapped, said = told["mapped"], "\n".join(told["said"])
            assert set(mapped) == {"tcp", "udp"}, said
            assert "transport: PCP" in said and "transport: NAT-PMP" not in said, said
            assert listed(network) == {
                (protocol, inside): f"{OUTSIDE}:{port}" for protocol, port in mapped.items()
            }
            with network.wan.socket(kind=socket.SOCK_STREAM) as peer:
                peer.settimeout(20)
                peer.connect((OUTSIDE, mapped["tcp"]))
        eventually(lambda: listed(network) == {}, 10, "the mappings are released")
        ended = {"released": 2, "expired": 0, "revoked": 0, "cleared": 0}
        assert requested(network)["ended"] == ended


@WORKERS
def test_a_port_in_use_is_opened_by_asking_and_closed_by_giving_it_back(cores):
    """The mapping is the one that the host's packets have; who may enter is what changes."""
    filtering = "address-and-port-dependent"
    spoken_to, stranger = (WAN_HOST, 3478), (WAN_SECOND, 3479)
    with pcp_router(cores, filtering=filtering) as (network, host, _):
        with contextlib.ExitStack() as stack:
            stack.enter_context(Mirror(network.wan, [spoken_to, stranger]))
            one = stack.enter_context(bound(host.namespace, (host.address, 7000)))
            question = f"from {text(stranger)}"
            seen = ask_mirror(one, spoken_to)
            assert ask_mirror(one, spoken_to, question, timeout=0.5) is None
            answer = host.map(UDP, 7000, suggested=(OUTSIDE, 17000))
            assert answer.result == SUCCESS and text(answer.outside) == seen
            assert ask_mirror(one, spoken_to, question) == seen
            assert host.release(UDP, 7000).outside == answer.outside
            assert ask_mirror(one, spoken_to, question, timeout=0.5) is None
            assert ask_mirror(one, spoken_to) == seen, "what it began itself goes on"


@WORKERS
def test_a_connection_outlives_the_mapping_that_it_came_by(cores):
    with pcp_router(cores) as (network, host, _):
        with TcpEcho(host.namespace, (host.address, 7000)) as echo:
            answer = host.map(TCP, 7000)
            kept = CountedConnection(network.wan, answer.outside)
            kept.talk(5)
            assert echo.seen[0][0] == WAN_HOST, "the server sees who it is"
            assert host.release(TCP, 7000).result == SUCCESS
            kept.talk(5)
            with network.wan.socket(kind=socket.SOCK_STREAM) as late:
                late.settimeout(2)
                assert late.connect_ex(answer.outside) != 0
            kept.talk(5)
            kept.close()


# ---- who gets which, and who does not


def test_what_is_not_ones_own_or_not_to_be_had_is_refused():
    with pcp_router() as (network, host, other):
        mine = host.map(UDP, 7000)
        assert mine.result == SUCCESS
        stranger = os.urandom(12)
        for lifetime in (3600, 0):
            answer = host.map(UDP, 7000, lifetime=lifetime, nonce=stranger)
            assert answer.result == NOT_AUTHORIZED and answer.lifetime >= 60
        # The port of another: that or nothing, then that or any.
        answer = other.map(UDP, 7000, suggested=mine.outside, options=prefer_failure())
        assert answer.result == CANNOT_PROVIDE_EXTERNAL
        answer = other.map(UDP, 7000, suggested=mine.outside)
        assert answer.result == SUCCESS and answer.outside != mine.outside
        # One that is free.
        wanted = (OUTSIDE, 17001)
        answer = other.map(UDP, 7001, suggested=wanted, options=prefer_failure())
        assert (answer.result, answer.outside) == (SUCCESS, wanted)
        answer = other.map(UDP, 7002, suggested=(WAN_SECOND, 0), options=prefer_failure())
        assert answer.result == CANNOT_PROVIDE_EXTERNAL
        # On behalf of others.
        answer = other.map(UDP, 7003, options=third_party(host.address))
        assert answer.result == UNSUPP_OPTION
        request = other.map_request(UDP, 7003)
        answer = other.ask(request[:8] + host.header(ANNOUNCE, 0)[8:] + request[24:])
        assert answer.result == ADDRESS_MISMATCH
        answer = other.ask(other.header(PEER, 3600) + request[24:] + bytes(20))
        assert answer.result == UNSUPP_OPCODE
        # Clients of NAT-PMP hear which version is spoken here.
        answer = other.ask(struct.pack("!BB", 0, 0))
        assert answer.result == UNSUPP_VERSION
        assert requested(network)["refused"]["not-authorized"] == 2
        assert requested(network)["refused"]["not-as-suggested"] == 2
        assert listed(network)[("udp", f"{host.address}:7000")] == text(mine.outside)
        assert len(listed(network)) == 3
        assert host.map(UDP, 7000).outside == mine.outside


@WORKERS
def test_a_filter_lets_in_those_that_it_names(cores):
    with pcp_router(cores) as (network, host, _), contextlib.ExitStack() as stack:
        first = stack.enter_context(bound(network.wan, (WAN_HOST, 9000)))
        second = stack.enter_context(bound(network.wan, (WAN_SECOND, 9000)))
        listener = stack.enter_context(bound(host.namespace, (host.address, 7000)))
        answer = host.map(UDP, 7000, options=remote_filter(WAN_SECOND, 32))
        assert answer.result == SUCCESS
        assert answer.rest[36:] == remote_filter(WAN_SECOND, 32), "it is told what was heeded"
        assert reaches(second, answer.outside, listener) == (WAN_SECOND, 9000)
        assert reaches(first, answer.outside, listener, tries=2) is None
        assert network.router.show("nat", "mappings")[0]["filters"] == [
            {"remote": f"{WAN_SECOND}/32", "port": None}
        ]
        # One more, then none.
        assert host.map(UDP, 7000, options=remote_filter(WAN_HOST, 32, 9001)).result == SUCCESS
        assert reaches(first, answer.outside, listener, tries=2) is None
        with bound(network.wan, (WAN_HOST, 9001)) as third:
            assert reaches(third, answer.outside, listener) == (WAN_HOST, 9001)
        assert host.map(UDP, 7000, options=remote_filter("0.0.0.0", -96)).result == SUCCESS
        assert reaches(first, answer.outside, listener) == (WAN_HOST, 9000)


@WORKERS
def test_one_host_has_so_many_mappings_and_the_other_too(cores):
    with pcp_router(cores, {"mappings-per-subscriber": 2}) as (network, host, other):
        assert [host.map(UDP, port).result for port in (7000, 7002)] == [SUCCESS] * 2
        answer = host.map(TCP, 7004)
        assert answer.result == USER_EX_QUOTA and answer.lifetime <= 60
        assert host.map(UDP, 7002).result == SUCCESS, "what it has it may renew"
        assert other.map(UDP, 7000).result == SUCCESS
        assert requested(network)["refused"]["over-limit"] == 1
        assert len(listed(network)) == 3
        done = network.router.ctl("clear", "nat", "mappings", "--inside", other.address)
        assert done.stdout == "1 mapping ended\n"
        assert "2 mappings" in network.router.ctl("clear", "nat", "mappings", "--all").stdout
        assert not listed(network) and requested(network)["ended"]["cleared"] == 3
        assert host.map(UDP, 7000).result == SUCCESS, "it may ask again"


def test_a_mapping_ends_with_its_time_and_the_journal_knows_when():
    with pcp_router(pcp={"min-lifetime": "30s"}, log={"events": "bindings"}) as (network, host, _):
        with contextlib.ExitStack() as stack:
            outsider = stack.enter_context(bound(network.wan, (WAN_HOST, 9000)))
            short, long = (
                stack.enter_context(bound(host.namespace, (host.address, port)))
                for port in (7000, 7001)
            )
            keeps = host.map(UDP, 7001)
            ends = host.map(UDP, 7000, lifetime=1)
            assert (ends.result, ends.lifetime) == (SUCCESS, 30), "no less than the least"
            eventually(
                lambda: set(listed(network)) == {("udp", f"{host.address}:7001")},
                60,
                "the mapping ends",
            )
            assert reaches(outsider, keeps.outside, long) == (WAN_HOST, 9000)
            assert reaches(outsider, ends.outside, short, tries=2) is None
        ended = {"released": 0, "expired": 1, "revoked": 0, "cleared": 0}
        assert requested(network)["ended"] == ended
        assert keeps.result == host.map(UDP, 7001).result == SUCCESS
        journal = network.router.folder / "state" / "nat-journal.jsonl"

        def bindings(event):
            lines = journal.read_text().splitlines() if journal.exists() else []
            return [one for one in map(json.loads, lines) if one["event"] == event]

        ended = eventually(lambda: bindings("binding-delete"), 10, "the journal has the end")
        made = bindings("binding-create")
        assert len(made) == 2 and len(ended) == 1, "a renewal makes none"
        for one, answer, port in ((made[0], keeps, 7001), (made[1], ends, 7000)):
            assert {
                "protocolIdentifier": UDP,
                "sourceIPv4Address": host.address,
                "sourceTransportPort": port,
                "postNATSourceIPv4Address": answer.outside[0],
                "postNAPTSourceTransportPort": answer.outside[1],
                "rule": "lan-out",
            }.items() <= one.items()
        assert ended[0]["sourceTransportPort"] == 7000


# ---- where the server is, and where it is not


def test_the_outside_cannot_ask():
    with pcp_router() as (network, host, _):
        assert host.map(UDP, 7000).result == SUCCESS
        network.wan.ip("route", "add", f"{LAN_ROUTER}/32", "via", OUTSIDE)
        for server in (OUTSIDE, LAN_ROUTER):
            network.ping(source=network.wan, target=server, count=1)
            stranger = PcpClient(network.wan, WAN_HOST, server)
            assert stranger.announce(tries=2, timeout=1) is None
            request = stranger.map_request(UDP, 7000)
            assert stranger.ask(request, tries=2, timeout=1) is None
        # By a forged source, as if from inside: no answer would reach it; nothing may be made.
        forger = PcpClient(network.wan, client_address(1), LAN_ROUTER)
        network.wan.ip("address", "add", f"{forger.address}/32", "dev", "lo")
        assert forger.ask(forger.map_request(UDP, 7001), tries=2, timeout=1) is None
        assert set(listed(network)) == {("udp", f"{host.address}:7000")}
        assert requested(network)["granted"] == 1


@WORKERS
def test_turned_off_nothing_answers_and_mappings_live_on(cores):
    with pcp_router(cores) as (network, host, _), contextlib.ExitStack() as stack:
        outsider = stack.enter_context(bound(network.wan, (WAN_HOST, 9000)))
        listener = stack.enter_context(bound(host.namespace, (host.address, 7000)))
        before = host.map(UDP, 7000)
        off = copy.deepcopy(network.config)
        off["nat"]["pcp"]["interfaces"] = []
        network.router.apply(off)
        assert host.announce(tries=2, timeout=1) is None
        eventually(host.is_refused, 10, "the port is closed")
        assert network.router.show("nat")["pcp"] is None
        assert listed(network) == {("udp", f"{host.address}:7000"): text(before.outside)}
        assert reaches(outsider, before.outside, listener) == (WAN_HOST, 9000)
        network.router.apply(network.config)
        eventually(lambda: host.announce(tries=1, timeout=1), 10, "the server answers again")
        after = host.map(UDP, 7000)
        assert (after.result, after.outside) == (SUCCESS, before.outside)
        assert after.epoch >= before.epoch
        assert requested(network)["renewed"] == 1


# ---- what mappings survive


@WORKERS
def test_mappings_survive_the_death_of_the_control_plane(cores):
    with pcp_router(cores) as (network, host, _):
        router = network.router
        before = eventually(
            lambda: (answer := host.map(UDP, 7000)).epoch >= 5 and answer,
            30,
            "an epoch of a few seconds",
        )
        asked = time.monotonic()
        with CountedStream(
            *(network.wan, host.namespace, host.address), port=7000, through=before.outside
        ) as stream:
            stream.run_for(0.5)
            for _ in range(3):
                killed = router.kill("godwit-controlplane")
                eventually(
                    lambda killed=killed: router.pid_of("godwit-controlplane")
                    not in (None, killed),
                    10,
                    "the supervisor starts the control plane again",
                )
                router.wait_until_ready()
            stream.run_for(0.5).finish()
        stream.assert_nothing_lost()
        eventually(lambda: host.announce(tries=1, timeout=1), 30, "the server answers again")
        assert host.map(UDP, 7000, nonce=os.urandom(12)).result == NOT_AUTHORIZED
        after = host.map(UDP, 7000)
        assert (after.result, after.outside) == (SUCCESS, before.outside)
        # A client takes its mappings for lost where the two differ by more (RFC 6887 8.5).
        passed = time.monotonic() - asked
        assert abs(after.epoch - before.epoch - passed) <= 2 + passed / 16, (before, after, passed)


@WORKERS
def test_the_death_of_the_dataplane_is_announced_and_mappings_are_had_again(cores):
    with pcp_router(cores) as (network, host, other), contextlib.ExitStack() as stack:
        outsider = stack.enter_context(bound(network.wan, (WAN_HOST, 9000)))
        listener = stack.enter_context(bound(host.namespace, (host.address, 7000)))
        before = host.map(UDP, 7000, suggested=(OUTSIDE, 17000))
        assert before.outside == (OUTSIDE, 17000)
        epoch = eventually(
            lambda: (now := host.announce().epoch) >= 10 and now, 30, "an epoch of ten seconds"
        )
        with Announcements(host) as heard, Announcements(other) as also_heard:
            killed = time.monotonic()
            network.router.kill("godwit-dataplane")
            for one in (heard, also_heard):
                young = one.younger_than(epoch)
                assert young.epoch <= time.monotonic() - killed
        after = eventually(
            lambda: (answer := host.map(UDP, 7000, suggested=before.outside)).result == SUCCESS
            and answer,
            20,
            "the host gets its mapping again",
        )
        assert after.outside == before.outside and after.epoch < epoch
        assert reaches(outsider, after.outside, listener) == (WAN_HOST, 9000)
        assert requested(network)["mappings"] == 1
        network.router.wait_until_ready()


@WORKERS
def test_a_change_ends_the_mappings_that_it_must_and_is_announced(cores):
    source = [{**MASQUERADE, "ports": "20000-29999"}]
    with pcp_router(cores, source=source) as (network, host, other):
        with contextlib.ExitStack() as stack:
            outsider = stack.enter_context(bound(network.wan, (WAN_HOST, 9000)))
            ended, kept = (
                stack.enter_context(bound(one.namespace, (one.address, 7000)))
                for one in (host, other)
            )
            ends = host.map(UDP, 7000, suggested=(OUTSIDE, 20100))
            keeps = other.map(UDP, 7000, suggested=(OUTSIDE, 25100))
            assert (ends.outside[1], keeps.outside[1]) == (20100, 25100)
            epoch = eventually(
                lambda: (now := host.announce().epoch) >= 5 and now, 30, "an epoch of seconds"
            )
            config = copy.deepcopy(network.config)
            config["nat"]["timeouts"] = {"udp": "200s"}
            network.router.apply(config)
            assert len(listed(network)) == 2 and requested(network)["ended"]["revoked"] == 0
            with Announcements(host) as heard:
                config["nat"]["source"][0]["ports"] = "25000-29999"
                began = time.monotonic()
                network.router.apply(config)
                young = heard.younger_than(epoch)
                assert young.epoch <= time.monotonic() - began
            assert listed(network) == {("udp", f"{other.address}:7000"): text(keeps.outside)}
            assert requested(network)["ended"]["revoked"] == 1
            assert reaches(outsider, keeps.outside, kept) == (WAN_HOST, 9000)
            assert reaches(outsider, ends.outside, ended, tries=2) is None
            # As the announcement has them do: each asks for what it had.
            again = host.map(UDP, 7000, suggested=ends.outside)
            assert again.result == SUCCESS and 25000 <= again.outside[1] <= 29999
            assert reaches(outsider, again.outside, ended) == (WAN_HOST, 9000)
            renewed = other.map(UDP, 7000, suggested=keeps.outside)
            assert (renewed.result, renewed.outside) == (SUCCESS, keeps.outside)


# ---- under attack


def garbage(host, source):
    """Anything, or a request of which some octets are anything, or which ends early or late."""
    if source.random() < 0.3:
        return source.randbytes(source.choice((0, 1, 2, 4, 23, 24, 60, source.randrange(1400))))
    options = (b"", prefer_failure(), remote_filter(WAN_HOST, 32), third_party(host.address))
    request = bytearray(
        host.map_request(
            *(source.choice((TCP, UDP, 0, 1)), source.randrange(65536)),
            lifetime=source.choice((0, 120, 0xFFFFFFFF)),
            suggested=source.choice((ANY, (OUTSIDE, source.randrange(65536)))),
            options=b"".join(source.choices(options, k=source.randrange(4))),
            nonce=source.randbytes(12),
        )
    )
    for _ in range(source.randrange(4)):
        request[source.randrange(len(request))] = source.randrange(256)
    if source.random() < 0.3:
        del request[source.randrange(len(request)) :]
    return bytes(request) + bytes(source.choice((0, 0, 1, 4)))


@WORKERS
def test_garbage_is_counted_and_the_server_goes_on(cores):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    source = random.Random(seed)
    with pcp_router(cores) as (network, host, other):
        mine = other.map(UDP, 7000)
        before = network.router.show("nat")["pcp"]["received"]
        with bound(host.namespace, (host.address, 0)) as one:
            for number in range(2000):
                one.sendto(garbage(host, source), (LAN_ROUTER, SERVER_PORT))
                while select.select([one], [], [], 0.05 if number % 50 == 49 else 0)[0]:
                    one.recv(2048)

        def is_counted():
            pcp = network.router.show("nat")["pcp"]
            rest = pcp["under-way"] + pcp["waiting"]
            ends = sum(pcp["answers"].values()) + sum(pcp["dropped"].values()) + rest
            return pcp["received"] == ends and rest == 0 and pcp["received"] >= before + 2000

        eventually(is_counted, 10, "each datagram is answered or dropped", every=0.2)
        again = other.map(UDP, 7000)
        assert (again.result, again.outside) == (SUCCESS, mine.outside)
        assert again.epoch >= mine.epoch
        assert network.router.show("nat")["pcp"]["problem"] is None
