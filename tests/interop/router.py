"""A router under test: `godwit run` in a namespace of its own, asked and changed with godwitctl."""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from namespaces import run

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GODWIT_BUILD", ROOT / "build"))
GODWIT = BUILD / "deploy/supervisor/godwit"
DATAPLANE = BUILD / "dataplane/app/godwit-dataplane"
CONTROLPLANE = BUILD / "controlplane/app/godwit-controlplane"
GODWITCTL = BUILD / "controlplane/ctl/godwitctl"


def _load_ledger():
    loader = importlib.machinery.SourceFileLoader("ledger", str(ROOT / "deploy/ledger"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("ledger", loader))
    loader.exec_module(module)
    return module


ledger = _load_ledger()


def eventually(question, timeout, what, every=0.05):
    """The first true answer; an AssertionError with the last one when time is over."""
    deadline = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(every)


class Router:
    """`config` is the configuration as a dict; JSON is YAML, so it is written as JSON."""

    def __init__(self, namespace, config):
        self.namespace = namespace
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="godwit-interop-"))
        self.folder.chmod(0o755)
        self.socket = self.folder / "run" / "control.sock"
        self.file = self.folder / "godwit.yaml"
        self.config = config
        self.config["management"] = {"control-socket": str(self.socket)}
        self.write(self.config)
        self.log_path = self.folder / "log"
        self.controlplane = CONTROLPLANE  # another one, with a service on its stack
        self.process = None

    def close(self):
        try:
            if self.process is not None and self.process.poll() is None:
                self.stop(check=False)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- running

    def write(self, config, path=None):
        """As a person's editor does: a new file in the place of the old one."""
        path = path or self.file
        new = path.with_suffix(".new")
        new.write_text(config if isinstance(config, str) else json.dumps(config, indent=1) + "\n")
        new.rename(path)
        return path

    def command(self, file=None, state=None):
        return [
            *(GODWIT, "run", file or self.file, "--state-dir", state or self.folder / "state"),
            *("--dataplane", DATAPLANE, "--controlplane", self.controlplane, "--godwitctl", GODWITCTL),
        ]

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = self.namespace.start(
                *self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def run_to_its_end(self, file=None, state=None, timeout=30):
        """For starts that must fail: the CompletedProcess."""
        return self.namespace.run(
            *self.command(file, state), check=False, timeout=timeout, stdin=subprocess.DEVNULL
        )

    def stop(self, check=True):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the router did not stop in 20 s\n" + self.log()) from None
        if check:
            assert code == 0, f"the router ended with {code}\n{self.log()}"

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def pid_of(self, program):
        """Of "godwit-dataplane" or "godwit-controlplane"; None while it does not run."""
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        try:
            pids = pathlib.Path(children).read_text(encoding="ascii").split()
        except OSError:
            return None
        for pid in pids:
            try:
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == program:
                    return int(pid)
            except OSError:
                continue
        return None

    def kill(self, program):
        pid = eventually(lambda: self.pid_of(program), 5, f"{program} runs")
        os.kill(pid, signal.SIGKILL)
        return pid

    # ---- asking

    def ctl(self, *words, check=True, timeout=60):
        return run(GODWITCTL, "--socket", self.socket, *words, check=check, timeout=timeout)

    def show(self, *words):
        return json.loads(self.ctl("show", *words, "-o", "json").stdout)

    def explain_route(self, prefix):
        return json.loads(self.ctl("explain", "route", prefix, "-o", "json").stdout)

    def try_show(self, *words):
        """None while no router answers."""
        done = self.ctl("show", *words, "-o", "json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def apply(self, config, *options, check=True):
        file = self.write(config, self.folder / "apply.yaml")
        return self.ctl("apply", file, *options, check=check)

    def ctl_history(self):
        return json.loads(self.ctl("history", "-o", "json").stdout)

    def limit(self, name):
        """What `show status` says of a table of the dataplane: used, capacity, refused."""
        return {one["limit"]: one for one in self.show("status")["limits"]}[name]

    def interface(self, name):
        return {one["name"]: one for one in self.show("interfaces")}[name]

    def wait_until_ready(self, timeout=30, links=True):
        """Both halves answer, the links are up and the best routes are installed."""

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the router ended with {self.process.returncode}\n{self.log()}")
            status = self.try_show("status")
            if not status or not status["dataplane"]["connected"]:
                return False
            interfaces = self.try_show("interfaces")
            if not interfaces or (links and any(i["link"] != "up" for i in interfaces)):
                return False
            return not self.disagreements()

        try:
            eventually(ready, timeout, "the router is ready", every=0.1)
        except AssertionError as error:
            raise AssertionError(
                f"{error}\n{self.ctl('show', 'interfaces', check=False).stdout}"
                f"{self.ctl('show', 'routes', check=False).stdout}\n{self.log()}"
            ) from None

    def disagreements(self):
        """Where `show routes` and `show fib` differ, as sentences; empty when they agree."""
        routes = self.try_show("routes")
        fib = self.try_show("fib")
        if routes is None or fib is None:
            return ["no answer"]

        def hops(route):
            return sorted(
                (hop["kind"], hop.get("via") or "", hop.get("interface") or "")
                for hop in route["next-hops"]
                if hop.get("active", True) is not False
            )

        best = {r["prefix"]: r for r in routes if r["selected"]}
        used = {r["prefix"]: r for r in fib if r["origin"] == "route"}
        wrong = [f"{p}: in the fib only" for p in used.keys() - best.keys()]
        wrong += [f"{p}: not in the fib" for p in best.keys() - used.keys()]
        for prefix in best.keys() & used.keys():
            if best[prefix]["installed"] != "yes":
                wrong.append(f"{prefix}: installed {best[prefix]['installed']}")
        for prefix in best.keys() & used.keys():
            # A recursive route's own next hops stand beside what they were resolved to.
            if any(hop.get("resolved-through") for hop in best[prefix]["next-hops"]):
                continue
            if hops(best[prefix]) != hops(used[prefix]):
                wrong.append(f"{prefix}: {hops(best[prefix])} but {hops(used[prefix])}")
        return wrong

    def assert_ledger_balances(self, timeout=5):
        """At rest nothing is in flight: received = sent + punted + dropped, to the packet."""
        last = []

        def balances():
            last[:] = ledger.imbalances(self.show("status"), self.show("workers"))
            return not last

        try:
            eventually(balances, timeout, "the ledger balances", every=0.2)
        except AssertionError:
            raise AssertionError(
                "the ledger does not balance: "
                + "; ".join(last)
                + "\n"
                + self.ctl("show", "workers").stdout
                + self.ctl("show", "status").stdout
                + self.ctl("show", "drops").stdout
            ) from None
