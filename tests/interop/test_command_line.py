"""godwitctl against a running router: forms, exit codes, and every show."""

import fcntl
import json
import os
import pty
import select
import subprocess
import termios
import time

import pytest

from namespaces import run
from router import GODWIT, GODWITCTL, ROOT

SUBJECTS = [
    *("interfaces", "routes", "fib", "next-hops", "neighbors"),
    *("workers", "nodes", "drops", "punts", "status"),
]


def test_every_show_has_a_table_json_and_yaml(network):
    router = network.router
    network.ping()
    network.ping(target="192.0.2.1", count=1, check=False)  # a drop to show
    for subject in SUBJECTS:
        data = router.show(subject)
        assert data, subject
        table = router.ctl("show", subject).stdout
        assert len(table.splitlines()) >= 2, table
        yaml = router.ctl("show", subject, "-o", "yaml").stdout
        for key in data[0] if isinstance(data, list) else data:
            assert f"{key}:" in yaml, (subject, key)
    assert router.ctl("history").stdout.splitlines()[1].split()[2] == "running"


def test_a_watch_goes_on_until_it_is_interrupted(network):
    process = subprocess.Popen(
        [str(GODWITCTL), "--socket", network.router.socket, *"show status -o json --watch 100ms".split()],
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(2)
    assert process.wait(5) == 0
    assert all(line["dataplane"]["connected"] for line in lines)


def test_exit_codes(network):
    router = network.router
    assert router.ctl("show", "nothing", check=False).returncode == 2
    assert router.ctl("apply", check=False).returncode == 2
    assert router.ctl("apply", "/nonexistent.yaml", check=False).returncode == 1
    assert router.ctl("diff", "1", "99", check=False).returncode == 1
    nobody = run(GODWITCTL, "--socket", "/nonexistent", "show", "status", check=False)
    assert nobody.returncode == 3 and "godwit run" in nobody.stderr


# rfc1812: 10.4.1/a
def test_diff_and_history_tell_what_was_applied(network):
    router = network.router
    network.config["static"]["routes"]["10.99.0.0/16"] = {"blackhole": True}
    router.apply(network.config, "-m", "a hole")
    changes = json.loads(router.ctl("diff", "-o", "json").stdout)["changes"]
    assert [change["path"] for change in changes] == ["static.routes.10.99.0.0/16"]
    assert changes[0]["kind"] == "added"
    newest = router.ctl_history()[0]
    assert newest["message"] == "a hole" and newest["running"]
    assert "10.99.0.0/16" in router.ctl("show", "routes", "10.99.0.0/16").stdout


def test_the_prompt_completes_and_runs_commands(network):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [str(GODWITCTL), "--socket", str(network.router.socket)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(terminal)
    seen = bytearray()

    def read_until(wanted, timeout=10):
        """And no further: what came with it stays for the next."""
        deadline = time.monotonic() + timeout
        while wanted not in seen:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([controller], [], [], left)[0], bytes(seen)
            seen.extend(os.read(controller, 65536))
        del seen[: seen.index(wanted) + len(wanted)]

    try:
        read_until(b"godwit> ")
        os.write(controller, b"sh\tsta\t\n")
        read_until(b"ledger ")
        read_until(b"godwit> ")
        # Ctrl-C gives up the line, not the prompt.
        os.write(controller, b"his\t")
        read_until(b"tory")
        time.sleep(0.2)  # a signal that meets libedit between two reads gives up nothing
        os.write(controller, b"\x03")
        read_until(b"godwit> ")
        os.write(controller, b"exit\n")
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()
        os.close(controller)


@pytest.mark.parametrize("example", sorted(p.name for p in (ROOT / "config/examples").glob("*.yaml")))
def test_the_examples_are_good(example):
    for program in (GODWIT, GODWITCTL):
        done = run(program, "check", ROOT / "config/examples" / example)
        assert "good" in done.stdout


def test_godwit_offline():
    schema = json.loads(run(GODWIT, "schema").stdout)
    assert "interfaces" in schema["properties"]
    findings = json.loads(run(GODWIT, "doctor", "-o", "json", check=False).stdout)
    assert all(finding["severity"] in ("ok", "warning", "bad") for finding in findings)
    assert all(f["mend"] for f in findings if f["severity"] == "bad"), findings
    assert run(GODWIT, "--version").stdout.startswith("godwit ")
    assert run(GODWIT, check=False).returncode == 2
    assert run(GODWIT, "run", "--help").returncode == 0


def test_bash_completes():
    script = run(GODWITCTL, "completion", "bash").stdout
    completed = run(
        *("bash", "-c"),
        script + '\nCOMP_WORDS=(godwitctl show in); COMP_CWORD=2; _godwitctl; echo "${COMPREPLY[@]}"',
    )
    assert completed.stdout == "interfaces\n"
