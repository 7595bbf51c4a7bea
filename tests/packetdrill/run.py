#!/usr/bin/env python3
"""Runs packetdrill scripts against our TCP, and says which pass and why the others do not.

    run.py --packetdrill PROGRAM --library LIBRARY SCRIPTS... [--page PAGE] [--only PATTERN]
    run.py --self-test

SCRIPTS are files or folders (of *.pkt, searched through); names are told from the last of them that
is a folder. A script runs in a copy of its tree in which what would configure Linux (sysctl, tc, ip,
ethtool, and common/set_sysctls.py) is a program that writes its wishes into a file; the library
reads that. Only scripts for IPv4 run. Assertions about Linux's struct tcp_info (`%{ ... }%`) are
taken out and counted: packetdrill asks the kernel for it, and there is none.

--page writes the table of docs/tcp-conformance.md: every script by name. Why one does not pass is
looked up in reasons.txt, which has lines `pattern: reason` (shell wildcards, the first that fits);
a script without a reason is shown with what packetdrill said, and run.py ends with 1.
"""

import argparse
import fnmatch
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SECONDS_A_SCRIPT = 10

# What stands in place of sysctl: `-q`, `-w`, and NAME=VALUE in one argument.
SYSCTL = """#!/bin/sh
for wish in "$@"; do
    case "$wish" in *=*) echo "$wish" >> "$GODWIT_DRILL_SETTINGS" ;; esac
done
"""
SET_SYSCTLS = """#!/usr/bin/env python3
import os, sys
with open(os.environ["GODWIT_DRILL_SETTINGS"], "a", encoding="utf-8") as file:
    for wish in sys.argv[1:]:
        path, _, value = wish.partition("=")
        file.write(path.removeprefix("/proc/sys/").replace("/", ".") + "=" + value + "\\n")
"""
# The time of an event, and Python in %{ }%.
ASSERTION = re.compile(r"^[ \t]*[+*]?[0-9.~+]*[ \t]*%\{.*?\}%", re.DOTALL | re.MULTILINE)
NOTHING = "#!/bin/sh\nexit 0\n"


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def shims(folder):
    executable(folder / "sysctl", SYSCTL)
    for program in ("tc", "ip", "ethtool", "nstat", "modprobe"):
        executable(folder / program, NOTHING)
    return folder


def prepared(root, target):
    """A copy of a tree whose configuring programs only write down what they are asked for."""
    shutil.copytree(root, target, dirs_exist_ok=True)
    for program in target.rglob("set_sysctls.py"):
        executable(program, SET_SYSCTLS)
    for script in target.rglob("*.pkt"):
        # What puts sysctls back: there is nothing to put back.
        text = script.read_text(encoding="utf-8", errors="replace")
        text = re.sub(r"`/tmp/sysctl_restore_[^`]*`", "", text)
        script.write_text(ASSERTION.sub("", text), encoding="utf-8")
    return target


class Result:
    def __init__(self, name, passed, said, assertions=0):
        self.name = name
        self.passed = passed
        self.said = said
        self.assertions = assertions  # about tcp_info, taken out


def run_one(script, name, chosen, path):
    with tempfile.NamedTemporaryFile("w", suffix=".settings") as settings:
        command = [
            str(chosen.packetdrill.resolve()), f"--so_filename={chosen.library.resolve()}",
            "--so_flags=192.168.0.1", "--ip_version=ipv4", "--local_ip=192.168.0.1",
            "--gateway_ip=192.168.0.1", "--netmask_ip=255.255.0.0", "--remote_ip=192.0.2.1",
            "-D", "CODE=host_unreachable", "-D", "CMSG_LEVEL_IP=SOL_IP",
            "-D", "CMSG_TYPE_RECVERR=IP_RECVERR", "-D", "TFO_COOKIE=3021b9d889017eeb", script.name,
        ]
        environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}",
                       "GODWIT_DRILL_SETTINGS": settings.name}
        try:
            done = subprocess.run(command, cwd=script.parent, env=environment, text=True,
                                  capture_output=True, timeout=SECONDS_A_SCRIPT, check=False)
        except subprocess.TimeoutExpired:
            return Result(name, False, f"did not end in {SECONDS_A_SCRIPT} s")
    lines = (done.stderr or done.stdout).strip().splitlines()
    said = lines[0].split(": ", 1)[-1] if lines else f"ended with {done.returncode}"
    return Result(name, done.returncode == 0, said[:160])


def reasons():
    lines = (HERE / "reasons.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split(": ", 1) for line in lines if line and not line.startswith(";")]
    return [(pattern, reason) for pattern, reason in pairs]


def reason_for(name, known):
    return next((reason for pattern, reason in known if fnmatch.fnmatchcase(name, pattern)), None)


PAGE_HEAD = """# Scripts of others against our TCP

[packetdrill](https://github.com/google/packetdrill) and its suite `gtests/net/tcp`, against the stack as a shared object in
virtual time. Written by `tests/packetdrill/run.py --page docs/tcp-conformance.md`; `tests/packetdrill/README.md` says how to
run it. Neither the program nor a script of the suite is part of this project.

The suite is Linux's own: it checks its options to sockets, its inventions and its choices together with what every TCP
does. Its assertions about Linux's `struct tcp_info` ask the kernel and not the library, and are left out: the number of
those stands beside a script that passes. What a script that does not pass asks for beyond the standards, or where our choice is another one, stands beside it.

"""


def page(results, known):
    passed = [result for result in results if result.passed]
    lines = [PAGE_HEAD + f"**{len(passed)} of {len(results)} scripts pass.**", "",
             "## Scripts that pass", ""]
    lines += [f"- `{result.name}`" + (f" (without its {result.assertions} assertions)"
                                      if result.assertions else "") for result in passed]
    lines += ["", "## Scripts that do not", "", "| script | why |", "| --- | --- |"]
    for result in results:
        if not result.passed:
            why = reason_for(result.name, known) or f"**{result.said}**"
            lines.append(f"| `{result.name}` | {why} |")
    return "\n".join(lines) + "\n"


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "suite"
        executable(root / "common" / "set_sysctls.py", "raise SystemExit('the real one ran')")
        (root / "one.pkt").write_text("0 `x`\n`/tmp/sysctl_restore_${PPID}.sh`\n", encoding="utf-8")
        copy = prepared(root, pathlib.Path(folder) / "copy")
        assert ASSERTION.sub("", "+0 > . 1:1(0)\n+.005 %{\nassert x == 1\n}%\n*%{ y }%\n") == "+0 > . 1:1(0)\n\n\n"
        assert "sysctl_restore" not in (copy / "one.pkt").read_text(encoding="utf-8")
        file = pathlib.Path(folder) / "settings"
        environment = {**os.environ, "GODWIT_DRILL_SETTINGS": str(file)}
        subprocess.run([sys.executable, str(copy / "common" / "set_sysctls.py"),
                        "/proc/sys/net/ipv4/tcp_sack=0"], env=environment, check=True)
        path = shims(pathlib.Path(folder) / "bin")
        subprocess.run([str(path / "sysctl"), "-q", "net.ipv4.tcp_ecn=1"], env=environment,
                       check=True)
        assert file.read_text(encoding="utf-8").splitlines() == [
            "net.ipv4.tcp_sack=0", "net.ipv4.tcp_ecn=1"]
    known = [("a/*", "because")]
    assert reason_for("a/b.pkt", known) == "because" and reason_for("b.pkt", known) is None
    written = page([Result("a/b.pkt", False, "x"), Result("c.pkt", True, "")], known)
    assert "**1 of 2 scripts pass.**" in written and "| `a/b.pkt` | because |" in written
    for pattern, reason in reasons():
        assert pattern.endswith((".pkt", "*")) and reason.endswith("."), (pattern, reason)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", type=pathlib.Path, nargs="*")
    parser.add_argument("--packetdrill", type=pathlib.Path)
    parser.add_argument("--library", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--only", default="*", help="of the names, by shell wildcards")
    parser.add_argument("--self-test", action="store_true")
    chosen = parser.parse_args()
    if chosen.self_test:
        self_test()
        return 0
    if not chosen.scripts or not chosen.packetdrill or not chosen.library:
        parser.error("--packetdrill, --library and the scripts are needed")
    known, results = reasons(), []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        path = shims(work / "bin")
        for number, root in enumerate(chosen.scripts):
            copy = prepared(root if root.is_dir() else root.parent, work / str(number))
            found = sorted(copy.rglob("*.pkt")) if root.is_dir() else [copy / root.name]
            for script in found:
                name = str(script.relative_to(copy))
                if fnmatch.fnmatchcase(name, chosen.only) and not name.endswith("v6.pkt"):
                    result = run_one(script, name, chosen, path)
                    original = (root if root.is_dir() else root.parent) / name
                    result.assertions = len(ASSERTION.findall(
                        original.read_text(encoding="utf-8", errors="replace")))
                    print("ok    " if result.passed else "FAILED", name,
                          "" if result.passed else result.said, flush=True)
                    results.append(result)
    print(f"{sum(result.passed for result in results)} of {len(results)} pass")
    if chosen.page:
        chosen.page.write_text(page(results, known), encoding="utf-8")
    unexplained = [one for one in results if not one.passed and not reason_for(one.name, known)]
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
