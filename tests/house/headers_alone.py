"""Every header of the tree compiles by itself: one that needs another to be included first fails
here.

    headers_alone.py --tree TREE --scratch FOLDER [--jobs N] -- COMPILER FLAG...

A header whose own source includes it first (port.cpp: port.hpp) is proved by the build of that
source, and is not compiled again. The last part of the command is a compiler and the flags of the
build. FOLDER keeps its sources from run to run, so that a compiler behind ccache works on what has
changed only.
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

import include_rules


def headers(tree):
    found = []
    for root in include_rules.ROOTS:
        found += sorted((tree / root).rglob("*.hpp"))
    return [path.relative_to(tree).as_posix() for path in found]


INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def proved_by_own_source(tree, header):
    source = (tree / header).with_suffix(".cpp")
    if not source.is_file():
        return False
    first = INCLUDE.search(source.read_text(encoding="utf-8"))
    return first is not None and first.group(1) == header


def compile_alone(command, tree, header, scratch):
    name = header.replace("/", "_") + ".cpp"
    (scratch / name).write_text(f'#include "{header}"\n', encoding="utf-8")
    done = subprocess.run(command + [f"-I{tree}", "-c", name, "-o", name + ".o"], cwd=scratch,
                          capture_output=True, text=True, check=False)
    (scratch / (name + ".o")).unlink(missing_ok=True)
    return header, done.returncode, done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tree", type=pathlib.Path, required=True)
    parser.add_argument("--scratch", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    names = headers(arguments.tree)
    failed = 0
    for name in names:
        if "#pragma once" not in (arguments.tree / name).read_text(encoding="utf-8"):
            failed += 1
            print(f"{name} may be included twice: it has no #pragma once")
    lone = [name for name in names if not proved_by_own_source(arguments.tree, name)]
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        runs = [pool.submit(compile_alone, arguments.command, arguments.tree.resolve(), name,
                            arguments.scratch) for name in lone]
        for run in runs:
            header, code, text = run.result()
            if code != 0:
                failed += 1
                print(f"{header} does not compile alone:\n{text}")
    if not names:
        print(f"no headers under {arguments.tree}: is this the root of the tree?")
        failed = 1
    print(f"{len(names)} headers, {len(lone)} compiled here, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
