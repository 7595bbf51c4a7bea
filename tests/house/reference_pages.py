#!/usr/bin/env python3
"""A generated page of docs/ is what its program prints now: reference_pages.py PROGRAM PAGE."""

import difflib
import pathlib
import subprocess
import sys


def main() -> int:
    program, page = sys.argv[1], pathlib.Path(sys.argv[2])
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    committed = page.read_text()
    if printed == committed:
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(
            committed.splitlines(True), printed.splitlines(True), str(page), "printed now"
        )
    )
    print(f"{page} is out of date; write it anew: {program} > {page}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
