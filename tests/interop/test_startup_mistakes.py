"""What a person can get wrong at the start: one plain line each, with its mend, and exit code 1;
never a wall of another library's log."""

import subprocess

import pytest

from namespaces import connect, run
from network import Network
from router import BUILD, DATAPLANE, GODWIT

NOISE = ("EAL:", "PMD:", "TELEMETRY", "rte_eth_", "ETHDEV", "terminate called", "Traceback")


def assert_one_plain_error(done, *words):
    text = done.stdout + done.stderr
    assert done.returncode == 1, f"exit {done.returncode}\n{text}"
    errors = [line for line in text.splitlines() if "error" in line and "nothing runs" not in line]
    assert len(errors) == 1, text
    # What is wrong, then what to do.
    assert "; " in errors[0], errors[0]
    for word in words:
        assert word in errors[0], errors[0]
    for noise in NOISE:
        assert noise not in text, text


@pytest.fixture(name="unstarted")
def unstarted_fixture():
    """A network whose router was not started: its configuration is made wrong first."""
    with Network("net_tap") as network:
        yield network
        assert network.router.process is None or network.router.process.poll() is not None


def end_of_start(network):
    network.router.write(network.config)
    return network.router.run_to_its_end()


def test_a_core_that_does_not_exist(unstarted):
    unstarted.config["workers"]["main-core"] = 97
    assert_one_plain_error(end_of_start(unstarted), "97")


def test_a_worker_core_that_does_not_exist(unstarted):
    unstarted.config["workers"]["cores"] = [0, 98]
    assert_one_plain_error(end_of_start(unstarted), "98")


def test_hugepages_that_cannot_be_had(unstarted):
    unstarted.config["workers"]["hugepages"] = "required"
    unstarted.config["workers"]["memory"] = "900GiB"
    assert_one_plain_error(end_of_start(unstarted))


def test_memory_that_is_too_small(unstarted):
    unstarted.config["workers"]["memory"] = "16MiB"
    assert_one_plain_error(end_of_start(unstarted), "workers.memory")


def test_not_root(unstarted):
    """Without root no tap can be made, and a router without a port is none."""
    unstarted.router.folder.chmod(0o777)
    unstarted.router.write(unstarted.config)
    nobody = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
    done = run(*nobody, *unstarted.router.command(), check=False, timeout=30)
    assert_one_plain_error(done, "run as root")


def test_no_such_file(unstarted):
    done = unstarted.router.run_to_its_end(file="/nonexistent/godwit.yaml")
    assert done.returncode == 1
    assert "/nonexistent/godwit.yaml" in done.stderr


def test_no_such_interface_is_said_and_the_other_port_runs():
    """A port that does not start is reported, and the rest runs."""
    with Network("net_af_packet") as network:
        network.config["interfaces"]["wan0"]["args"]["iface"] = "nowhere0"
        network.router.write(network.config)
        connect(network.router_namespace, "lan0", network.lan)
        network.router.start()
        network.router.wait_until_ready(links=False)
        wan = network.router.interface("wan0")
        assert wan["link"] == "down" and "nowhere0" in wan["problem"], wan
        assert network.router.interface("lan0")["link"] == "up"
        lines = [line for line in network.router.log().splitlines() if "nowhere0" in line]
        assert lines and not any(noise in network.router.log() for noise in NOISE)
        network.lan.ip("address", "add", "10.1.0.2/24", "dev", "eth0")
        network.ping(target="10.1.0.1")
        network.router.stop()


def test_a_tap_that_is_in_use_is_said():
    with Network("net_tap") as network:
        # Held by another program: a tap without a second queue.
        network.router_namespace.ip("tuntap", "add", "dev", "wan0", "mode", "tap")
        holder = network.router_namespace.start(
            *("/usr/bin/python3", "-c", HOLD_TAP), stdout=subprocess.PIPE, text=True
        )
        try:
            assert holder.stdout.readline() == "held\n"
            network.router.write(network.config)
            network.router.start()
            network.router.wait_until_ready(links=False)
            wan = network.router.interface("wan0")
            assert wan["link"] == "down" and "wan0" in wan["problem"], wan
            assert network.router.interface("lan0")["link"] == "up"
            network.router.stop()
        finally:
            holder.kill()
            holder.wait()


HOLD_TAP = """
import fcntl, struct, sys, time
tap = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"wan0", 0x1002))
print("held", flush=True)
time.sleep(600)
"""


def test_a_second_router_of_the_same_state_or_sockets_is_refused():
    with Network("net_tap") as network:
        network.start()
        assert_one_plain_error(network.router.run_to_its_end(), "already")
        other = network.router.folder / "other"
        assert_one_plain_error(network.router.run_to_its_end(state=other), "already")
        network.ping()
        network.router.stop()


def test_each_half_alone_says_its_mistakes(unstarted):
    file = unstarted.router.write("version: 1\nsistem: {}\n")
    for program in (DATAPLANE, BUILD / "controlplane/app/godwit-controlplane"):
        done = run(program, file, check=False, timeout=20)
        assert done.returncode == 1 and "unknown-key" in done.stderr, done.stderr
        usage = run(program, "--nonsense", check=False, timeout=20)
        assert usage.returncode != 0


def test_a_program_that_is_missing(unstarted):
    done = run(
        *(GODWIT, "run", unstarted.router.file, "--state-dir", unstarted.router.folder / "s"),
        *("--dataplane", "/nonexistent/godwit-dataplane", "--controlplane", DATAPLANE),
        check=False,
    )
    assert_one_plain_error(done, "/nonexistent/godwit-dataplane")


def test_a_socket_directory_that_is_not_the_routers(unstarted):
    """A folder of root's is not given away silently."""
    folder = unstarted.router.folder / "roots"
    folder.mkdir(mode=0o755)
    unstarted.config["management"] = {"control-socket": str(folder / "control.sock")}
    assert_one_plain_error(end_of_start(unstarted), "management.control-socket", "chown")
    assert folder.stat().st_uid == 0
