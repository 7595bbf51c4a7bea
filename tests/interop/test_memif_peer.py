"""A neighbour over shared memory that dies while a worker polls it: the memory goes away under the
poller. It costs the port, until the peer is back, and nothing else."""

import os
import shutil
import signal
import subprocess

import pytest

from network import WAN_HOST, Network
from router import eventually
from stream import CountedStream

pytestmark = pytest.mark.skipif(
    shutil.which("dpdk-testpmd") is None,
    reason="needs dpdk-testpmd, of dpdk-dev: deploy/dependencies --test",
)


@pytest.fixture(name="network")
def network_fixture():
    with Network("net_af_packet", (0, 1)) as network:
        network.memif_socket = network.router.folder / "memif.sock"
        network.config["interfaces"]["peer0"] = {
            "vdev": "net_memif0",
            "args": {
                "role": "server",
                "id": 0,
                "socket": str(network.memif_socket),
                "socket-abstract": "no",
            },
            "addresses": ["10.77.0.1/30"],
        }
        network.start(links=False)
        yield network


def start_peer(network, number):
    """testpmd as the other end, sending as fast as it can."""
    mac = network.router.interface("peer0")["mac"]
    return subprocess.Popen(
        [
            *("dpdk-testpmd", "--lcores", "0@0,1@1", "--no-huge", "-m", "256", "--no-pci"),
            *("--no-shconf", "--no-telemetry", "--single-file-segments"),
            *("--file-prefix", f"gwi{os.getpid()}-{number}"),
            f"--vdev=net_memif0,role=client,id=0,socket-abstract=no,socket={network.memif_socket}",
            *("--", "--forward-mode=txonly", "--total-num-mbufs=4096", f"--eth-peer=0,{mac}"),
            *("--tx-ip=10.77.0.2,192.0.2.9", "--txpkts=64", "--burst=8", "--no-lsc-interrupt"),
            "--no-mlockall",  # or its death takes the kernel half a minute
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.alone
def test_a_peer_that_dies_while_it_is_polled_harms_nobody(network):
    router = network.router
    network.ping()
    changes = router.interface("peer0")["link-changes"]
    pid = router.pid_of("godwit-dataplane")
    with CountedStream(network.lan, network.wan, WAN_HOST, rate=300) as stream:
        for number in range(5):
            before = router.interface("peer0")["rx-packets"]
            peer = start_peer(network, number)
            try:
                eventually(
                    lambda before=before: (i := router.interface("peer0"))["link"] == "up"
                    and i["rx-packets"] > before + 1000,
                    20,
                    f"round {number}: the peer's packets arrive\n{router.log()}",
                )
            finally:
                peer.send_signal(signal.SIGKILL)
                peer.wait()
            eventually(
                lambda: (router.try_show("interfaces") is not None)
                and router.interface("peer0")["link"] == "down",
                10,
                f"round {number}: the port goes down with its peer",
            )
        stream.run_for(0.5).finish()
    assert stream.longest_gap() < 2.0
    # The dataplane lives on, and has counted each coming and going.
    assert router.pid_of("godwit-dataplane") == pid
    assert router.interface("peer0")["link-changes"] >= changes + 10
    network.ping()
    router.assert_ledger_balances()
    router.stop()
