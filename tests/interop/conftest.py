"""Real traffic through a real router, between network namespaces. Needs root; everything that a
test makes is removed at its end, whatever happened.

    GODWIT_BUILD=build /usr/bin/python3 -m pytest tests/interop

They wait more than they work, so several may run at a time: `-n 3 -m "not alone"`. Those marked
`alone` measure time or load, and want the machine for themselves: `-m alone`.
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import router as router_module  # noqa: E402
from network import Network  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: nothing may run beside it")


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the interoperation tests make network namespaces: run them as root", 1)
    for program in (
        router_module.GODWIT,
        router_module.DATAPLANE,
        router_module.CONTROLPLANE,
        router_module.GODWITCTL,
    ):
        if not program.exists():
            pytest.exit(f"{program} is not built: ninja -C {router_module.BUILD}", 1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the log of the test's router."""
    report = (yield).get_result()
    network = getattr(item, "funcargs", {}).get("network")
    if report.failed and network is not None:
        report.sections.append(("router", network.router.log()))
    if call.when == "call":
        item.call_failed = report.failed


@pytest.fixture(name="network", params=["net_af_packet"])
def network_fixture(request):
    """A started network; at the end of the test its ledger balances and it stops cleanly. Tests
    choose the device, and the workers' cores, by indirect parameters."""
    device, cores = request.param if isinstance(request.param, tuple) else (request.param, ())
    with Network(device, cores) as made:
        made.start()
        yield made
        if not getattr(request.node, "call_failed", True):
            made.router.assert_ledger_balances()
            made.router.stop()
