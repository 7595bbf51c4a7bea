"""Strangers that speak RIP: FRR's ripd and BIRD, each in a namespace of its own, with short timers.

FRR's daemons give up root, so their files lie in a folder that everybody may read; its state is
kept apart by the name of the namespace. What is started here is ended by its pid.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from namespaces import run
from router import eventually

UPDATE, TIMEOUT, GARBAGE = 5, 15, 10  # the least that FRR takes
FRR = pathlib.Path("/usr/lib/frr")


def missing():
    """The programs that are not installed."""
    wanted = [FRR / "ripd", FRR / "zebra", pathlib.Path("/usr/sbin/bird")]
    return [str(program) for program in wanted if not program.exists()]


class Peer:
    """A router of strangers. `stubs`: networks of its own, on links that nobody else is on."""

    def __init__(self, namespace, stubs):
        self.namespace = namespace
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="godwit-peer-"))
        self.folder.chmod(0o755)
        self.processes = []
        namespace.run("sysctl", "-q", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                      "net.ipv4.conf.default.rp_filter=0")
        for number, stub in enumerate(stubs):
            near, far = f"stub{number}", f"stub{number}p"
            namespace.ip("link", "add", near, "type", "veth", "peer", "name", far)
            namespace.ip("address", "add", stub, "dev", near)
            for end in (near, far):
                namespace.ip("link", "set", end, "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, *words):
        with open(self.folder / "log", "ab") as log:
            self.processes.append(
                self.namespace.start(*words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def log(self):
        return "".join(
            path.read_text(errors="replace") for path in sorted(self.folder.glob("*log*"))
        )

    def routes(self):
        """{prefix: gateway} of the kernel's routes that the daemon put there."""
        lines = self.namespace.ip("route", "show", "proto", self.protocol).stdout.splitlines()
        routes = {}
        for line in lines:
            words = line.split()
            if words and "via" in words:
                prefix = "0.0.0.0/0" if words[0] == "default" else words[0]
                prefix = prefix if "/" in prefix else prefix + "/32"
                routes[prefix] = words[words.index("via") + 1]
        return routes


class Frr(Peer):
    """`interfaces`: {name: "" or the lines of ripd.conf for its authentication}."""

    protocol = "rip"

    def __init__(self, namespace, interfaces, stubs=(), key=None):
        super().__init__(namespace, stubs)
        self.state = pathlib.Path("/var/run/frr") / namespace.name
        self.state.mkdir(parents=True, exist_ok=True)
        shutil.chown(self.state, "frr", "frr")
        lines = ["hostname r", "log stdout"]
        if key is not None:
            lines += ["key chain KC", " key 1", f"  key-string {key}", " exit", "exit"]
        for name, authentication in interfaces.items():
            lines.append(f"interface {name}")
            lines += [f" {line}" for line in authentication.splitlines()]
            lines.append("exit")
        lines += ["router rip", " version 2", f" timers basic {UPDATE} {TIMEOUT} {GARBAGE}"]
        lines += [f" network {name}" for name in interfaces]
        lines += [f" network stub{number}" for number in range(len(stubs))]
        lines += [f" passive-interface stub{number}" for number in range(len(stubs))]
        lines.append("exit")
        self._write("ripd.conf", lines)
        self._write("zebra.conf", ["hostname r", "log stdout"])
        for daemon in ("zebra", "ripd"):
            self._start(FRR / daemon, "-N", namespace.name, "-f", self.folder / f"{daemon}.conf",
                        "-i", self.state / f"{daemon}.pid", "--log", "stdout")
            if daemon == "zebra":
                eventually(lambda: (self.state / "zserv.api").exists(), 10, "zebra is there")

    def close(self):
        super().close()
        shutil.rmtree(self.state, ignore_errors=True)

    def _write(self, name, lines):
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o644)

    def vtysh(self, *commands):
        words = [word for command in commands for word in ("-c", command)]
        return run("vtysh", "-N", self.namespace.name, *words, check=False).stdout


class Bird(Peer):
    """`interfaces`: {name: "" or the authentication block}."""

    protocol = "bird"

    def __init__(self, namespace, interfaces, stubs=(), statics=()):
        super().__init__(namespace, stubs)
        blocks = "".join(
            f'  interface "{name}" {{ version 2; mode multicast; update time {UPDATE}; '
            f"timeout time {TIMEOUT}; garbage time {GARBAGE}; {block} }};\n"
            for name, block in interfaces.items()
        )
        routes = "".join(f"  route {prefix} blackhole;\n" for prefix in statics)
        config = (
            "router id 192.0.2.99;\nlog stderr all;\n"
            "protocol device { scan time 1; }\n"
            'protocol direct { ipv4; interface "stub*"; }\n'
            "protocol kernel { ipv4 { export where source = RTS_RIP; import none; }; scan time 2; }\n"
            f"protocol static {{ ipv4;\n{routes}}}\n"
            "protocol rip r4 {\n"
            "  ipv4 { import all; export where source = RTS_DEVICE || source = RTS_STATIC || source = RTS_RIP; };\n"
            f"{blocks}}}\n"
        )
        (self.folder / "bird.conf").write_text(config)
        self._start("/usr/sbin/bird", "-f", "-c", self.folder / "bird.conf", "-s",
                    self.folder / "bird.ctl", "-P", self.folder / "bird.pid")
        eventually(lambda: (self.folder / "bird.ctl").exists(), 10, f"bird is there\n{self.log()}")

    def birdc(self, *words):
        return run("birdc", "-s", self.folder / "bird.ctl", *words, check=False).stdout


def write_secret(folder, text):
    path = folder / f"key-{time.monotonic_ns()}"
    path.write_text(text + "\n")
    os.chmod(path, 0o644)
    return str(path)
