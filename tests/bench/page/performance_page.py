"""Puts the figures of a result file into docs/performance.md, so that no number is typed by hand.

    performance_page.py RESULT.json... docs/performance.md     rewrites the tables of the page
    performance_page.py --partial RESULT.json PAGE             only those that the result has figures for
    performance_page.py --self-test

Several results, of runs of different cases, are put together; they must be of one tree and one CPU.

The page marks where a table goes:

    <!-- figures: lookup/*/*/ours, lookup/*/*/rte-fib-scalar -->
    ...
    <!-- end -->

What stands between the marks is replaced by a table of every figure whose name fits one of the
patterns (shell wildcards; * does not go over a /). A pattern that no figure fits is an error: the
result is of other cases, or a name has changed. `<!-- machine -->` ... `<!-- end -->` becomes the
sentence about where and how the run was made; `<!-- machine: tcp -->` is the same of a run of the
cases of one family, for chapters that are measured by themselves: their marks are left alone by a
result that has no figures of that family. Text outside of marks is left as it is.
"""

import argparse
import fnmatch
import json
import pathlib
import re
import sys

BLOCK = re.compile(
    r"(<!-- (machine(?:: [\w-]+)?|figures: [^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


class PageError(Exception):
    pass


def fits(name, pattern):
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def readable(value):
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(figures, patterns):
    lines = ["| figure | value | unit | |", "| --- | ---: | --- | --- |"]
    for pattern in patterns:
        chosen = [figure for figure in figures if fits(figure["name"], pattern)]
        if not chosen:
            raise PageError(f"no figure of the result fits \"{pattern}\": run the cases that the "
                            "page shows, or correct the pattern")
        lines += [f"| `{figure['name']}` | {readable(figure['value'])} | {figure['unit']} | "
                  f"{figure['note']} |" for figure in chosen]
    return "\n".join(lines) + "\n"


def together(results):
    first = results[0]
    for result in results[1:]:
        if (result["build"]["tree"], result["machine"]["cpu"]) != (
                first["build"]["tree"], first["machine"]["cpu"]):
            raise PageError("the results are of different trees or CPUs: measure them anew")
    return {**first, "figures": [figure for result in results for figure in result["figures"]],
            "command": "`, `".join(result["command"] for result in results)}


def machine(result):
    where, build, options = result["machine"], result["build"], result["options"]
    return (f"Made by `{result['command']}` at tree `{build['tree']}` (compiler {build['compiler']}, "
            f"{build['dpdk']}) on {where['cpu']}, {where['cpus']} CPUs, TSC "
            f"{where['tsc_hz'] / 1e6:,.0f} MHz, {where['kernel']}, load {where['load_at_start']:.2f} "
            f"at the start; seed {options['seed']}, {options['rounds']} rounds, "
            f"{options['seconds']:g} seconds where a case runs for a time. {result['memory']}.\n")


def concerns(kind, figures):
    """Whether a block is about anything that was measured."""
    if kind.startswith("machine: "):
        family = kind.removeprefix("machine: ")
        return any(figure["name"].startswith(family + "/") for figure in figures)
    patterns = kind.removeprefix("figures: ").split(", ")
    return kind != "machine" and any(
        fits(figure["name"], pattern) for figure in figures for pattern in patterns)


def families_of(kind):
    if kind.startswith("machine: "):
        return {kind.removeprefix("machine: ")}
    return {pattern.split("/")[0] for pattern in kind.removeprefix("figures: ").split(", ")}


def rewritten(page, result, partial=False):
    by_themselves = {kind.removeprefix("machine: ") for _, kind, _ in BLOCK.findall(page)
                     if kind.startswith("machine: ")}

    def fill(block):
        kind = block.group(2)
        may_be_left = partial or (kind != "machine" and families_of(kind) <= by_themselves)
        if may_be_left and not concerns(kind, result["figures"]):
            return block.group(0)
        if kind.startswith("machine"):
            content = machine(result)
        else:
            content = table(result["figures"], kind.removeprefix("figures: ").split(", "))
        return block.group(1) + content + block.group(3)

    if not BLOCK.search(page):
        raise PageError("the page has no marks; see the head of this script")
    return BLOCK.sub(fill, page)


def self_test():
    figures = [{"name": "a/1/x", "value": 2.345, "unit": "cycles", "note": "n"},
               {"name": "a/2/x", "value": 12345.6, "unit": "bytes", "note": ""},
               {"name": "a/b/c/x", "value": 1, "unit": "ratio", "note": ""}]
    page = "before\n<!-- figures: a/*/x -->\nold\n<!-- end -->\nafter\n"
    new = rewritten(page, {"figures": figures})
    assert "| `a/1/x` | 2.35 | cycles | n |" in new or "| `a/1/x` | 2.34 | cycles | n |" in new, new
    assert "| `a/2/x` | 12,346 | bytes |  |" in new, new
    assert "a/b/c/x" not in new and "old" not in new, new
    assert new.startswith("before\n") and new.endswith("<!-- end -->\nafter\n"), new
    assert rewritten(new, {"figures": figures}) == new
    two_families = page + "<!-- figures: b/* -->\nkept\n<!-- end -->\n<!-- machine -->\nm\n<!-- end -->\n"
    partly = rewritten(two_families, {"figures": figures}, partial=True)
    assert "kept" in partly and "<!-- machine -->\nm\n" in partly and "old" not in partly, partly
    assert concerns("machine: a", figures) and not concerns("machine: b", figures)
    tcp = "<!-- machine: tcp -->\nkept\n<!-- end -->\n<!-- figures: tcp/* -->\nkept\n<!-- end -->\n"
    assert rewritten(page + tcp, {"figures": figures}).endswith(tcp)
    one = {"build": {"tree": "t"}, "machine": {"cpu": "c"}, "command": "b x", "figures": figures}
    two = {**one, "command": "b y", "figures": []}
    assert together([one, two])["figures"] == figures
    assert together([one, two])["command"] == "b x`, `b y"
    for broken in ("no marks", page.replace("a/*/x", "gone/*")):
        try:
            rewritten(broken, {"figures": figures})
        except PageError:
            continue
        raise AssertionError(broken)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=pathlib.Path, nargs="*", help="results, and the page last")
    parser.add_argument("--partial", action="store_true",
                        help="leave tables alone that the result has no figures for")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test()
        return 0
    if len(arguments.files) < 2:
        parser.error("RESULT.json and the page are needed")
    *results, page = arguments.files
    try:
        result = together([json.loads(file.read_text(encoding="utf-8")) for file in results])
        page.write_text(rewritten(page.read_text(encoding="utf-8"), result, arguments.partial),
                        encoding="utf-8")
    except (OSError, ValueError, KeyError, PageError) as problem:
        print(f"performance_page.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
