#!/usr/bin/env python3
"""Which test shows which requirement of an RFC: the table, and whether it may be published.

    conformance.py rfc1812.txt                     prints the page
    conformance.py rfc1812.txt --check PAGE        1 when the page is not what would be printed, when
                                                   a tag is wrong, or when a MUST has neither a test
                                                   nor a reason
    conformance.py rfc1812.txt --results FILE...   prints the page with what each test did, from
                                                   meson's testlog.json and pytest's JUnit XML
    conformance.py --together TITLE A.txt B.txt    several RFCs on one page

The data file rfcNNNN.txt (or rfcNNNN-PART.txt, of a part of an RFC) says what is asked, a test says
by a tag what it shows. Nothing here knows an RFC: another one is another data file. The committed
page has no results: they are of a run.

The data file, line by line:

    ; a comment
    title RFC 1812, Requirements for IP Version 4 Routers
    # 4.3.2.7 When not to send errors              a section; REQ-9 where an RFC counts requirements:
                                                   its own text is `-`, what it lists has letters
    a MUST NOT Never about an ICMP error.          a requirement; its id is 4.3.2.7/a
    - MUST ICMP is supported.                      the only one of its section; its id is the section
    MUST-34 MUST Windows may shrink.               numbered by the RFC itself; its id is MUST-34
      deviation: why we do otherwise               one reason may follow: also `not applicable:` (its
      and on                                       condition never arises) and `by construction:`
                                                   (there is nothing that a test could try)

Indented lines go on. A tag stands in a comment directly above a test:

    // rfc1812: 4.3.2.7/a, 4.3.2.7/f               TEST, TEST_F, TEST_P, ... of C++
    // rfc1812: 4.3.3.4/b, rfc1122: 3.3.2          of two RFCs in one line
    # rfc1812: 4.3.2.7/a                           `- name:` of a packet case, `def test_` of Python

A tag with a section alone, where the section has several requirements, is shown under the section
and counts for none of them.
"""

import argparse
import ast
import collections
import difflib
import json
import pathlib
import re
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEVELS = ("MUST NOT", "MUST", "SHOULD NOT", "SHOULD", "MAY")
REASONS = ("deviation", "not applicable", "by construction")

SECTION = re.compile(r"# (\d+(?:\.\d+)*|REQ-\d+) (.+)")
NUMBERED = r"(?:MUST|SHLD|MAY|REC)-\d+"
REQUIREMENT = re.compile(rf"([a-z]|-|{NUMBERED}) ({'|'.join(LEVELS)}) (.+)")
REASON = re.compile(rf"({'|'.join(REASONS)}): (.+)")
TAG = re.compile(r"\s*(?://|#) (rfc\d+(?:-\w+)?): *(.*?)\s*")
TAG_ID = re.compile(rf"(?:\d+(?:\.\d+)*|REQ-\d+)(?:/[a-z])?|{NUMBERED}")
CPP_TEST = re.compile(r"(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP)\(\s*(\w+),\s*(\w+)")
YAML_CASE = re.compile(r"\s*- name: (.+)")


class Requirement:
    def __init__(self, section, letter, level, text):
        self.id = section if letter == "-" else f"{section}/{letter}"
        if re.fullmatch(NUMBERED, letter):
            self.id = letter
        self.level = level
        self.text = text
        self.reason_kind = None
        self.reason = ""
        self.tests = []

    @property
    def is_must(self):
        return self.level.startswith("MUST")


class Section:
    def __init__(self, number, title):
        self.number = number
        self.title = title
        self.requirements = []
        self.tests = []  # that name the section alone


class Test:
    def __init__(self, path, suite, name):
        self.path = path  # from the root of the project
        self.suite = suite  # of gtest, else None
        self.name = name

    @property
    def title(self):
        return f"{self.suite}.{self.name}" if self.suite else self.name


# ---- what is asked


class Asked:
    """A data file. `faults` are sentences."""

    def __init__(self, path):
        self.rfc = path.stem
        self.title = self.rfc
        self.sections = {}
        self.by_id = {}
        self.faults = []
        self._read(path)

    def _read(self, path):
        section, requirement = None, None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            place = f"{path.name}:{number}"
            if not line.strip() or line.startswith(";"):
                continue
            if line.startswith("title "):
                self.title = line.removeprefix("title ").strip()
            elif found := SECTION.fullmatch(line):
                section, requirement = Section(*found.groups()), None
                if section.number in self.sections:
                    self.faults.append(f"{place}: section {section.number} is there already")
                self.sections[section.number] = section
            elif section and (found := REQUIREMENT.fullmatch(line)):
                requirement = Requirement(section.number, *found.groups())
                if requirement.id in self.by_id:
                    self.faults.append(f"{place}: {requirement.id} is there already")
                self.by_id[requirement.id] = requirement
                section.requirements.append(requirement)
            elif requirement and line.startswith("  "):
                self._go_on(requirement, line.strip())
            else:
                self.faults.append(f"{place}: no line of a data file: {line!r}")
        for section in self.sections.values():
            is_counted = section.number.startswith("REQ-")
            if len(section.requirements) > 1 and section.number in self.by_id and not is_counted:
                self.faults.append(f"{section.number}: the only one of its section has neighbours")

    @staticmethod
    def _go_on(requirement, text):
        if found := REASON.fullmatch(text):
            requirement.reason_kind, requirement.reason = found.groups()
        elif requirement.reason_kind:
            requirement.reason += " " + text
        else:
            requirement.text += " " + text

    def take(self, test, tagged, place):
        """Files a test under what its tag names."""
        # A section with one requirement is that requirement.
        shown = self.by_id.get(tagged) or self.sections.get(tagged)
        if shown:
            # Two lines above a test may name the same.
            if all((one.path, one.title) != (test.path, test.title) for one in shown.tests):
                shown.tests.append(test)
        elif any(number.startswith(tagged + ".") for number in self.sections):
            pass  # a whole chapter: shows nothing in particular
        else:
            self.faults.append(f"{place}: {self.rfc} has no {tagged} in its data file")

    def unshown(self):
        return [
            f"{one.id} ({one.level}: {one.text}) has neither a test nor a reason"
            for one in self.by_id.values()
            if one.is_must and not one.tests and not one.reason_kind
        ]


# ---- what tests say


def tags_above(lines, number):
    """(rfc, ids, line) of the comment block that ends above line `number` (0: the first)."""
    found = []
    while number > 0 and lines[number - 1].lstrip().startswith(("//", "#")):
        number -= 1
        if tag := TAG.fullmatch(lines[number]):
            ids_of = collections.defaultdict(list)
            rfc = tag[1]
            for one in tag[2].split(","):
                if another := re.fullmatch(r"\s*(rfc\d+(?:-\w+)?): *(.+)", one):
                    rfc, one = another.groups()
                ids_of[rfc].append(one.strip())
            found += [(rfc, ids, number) for rfc, ids in ids_of.items()]
    return found


def cpp_tests(lines):
    for number in range(len(lines)):
        if found := CPP_TEST.match(" ".join(lines[number : number + 3])):
            if lines[number].startswith(("TEST", "TYPED", "RC_")):
                yield number, found[1], found[2]


def yaml_cases(lines):
    for number, line in enumerate(lines):
        if found := YAML_CASE.fullmatch(line):
            yield number, None, found[1].strip().strip("\"'")


def python_tests(lines):
    tree = ast.parse("\n".join(lines))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            places = {node.lineno - 1, *(one.lineno - 1 for one in node.decorator_list)}
            for number in sorted(places):
                yield number, None, node.name


READERS = {".cpp": cpp_tests, ".yaml": yaml_cases, ".py": python_tests}


def test_files():
    tests = ROOT / "tests"
    for path in sorted(tests.rglob("*")):
        inside = path.relative_to(tests).parts
        if path.suffix not in READERS or inside[0] in ("conformance", "house", "bench"):
            continue
        if path.suffix == ".yaml" and inside[:2] != ("packet", "cases"):
            continue
        yield path


def collect(asked):
    """Files every tagged test of the tree; a tag above anything else is a fault."""
    for path in test_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        if not any(TAG.fullmatch(line) for line in lines):
            continue
        name = str(path.relative_to(ROOT))
        used = set()
        for number, suite, title in READERS[path.suffix](lines):
            for rfc, ids, line in tags_above(lines, number):
                used.add(line)
                for one in ids if rfc == asked.rfc else []:
                    place = f"{name}:{line + 1}"
                    if TAG_ID.fullmatch(one):
                        asked.take(Test(name, suite, title), one, place)
                    else:
                        asked.faults.append(f"{place}: {one!r} is no id; ids stand between commas")
        for number, line in enumerate(lines):
            if (tag := TAG.fullmatch(line)) and tag[1] == asked.rfc and number not in used:
                asked.faults.append(f"{name}:{number + 1}: no test follows this tag")


# ---- what a run did


class Results:
    """Outcomes by (kind of test, its name): "passed", "failed" or "skipped"."""

    def __init__(self, files):
        self.outcomes = {}
        for path in files:
            if path.suffix == ".xml":
                self._read_junit(path)
            else:
                self._read_testlog(path)

    def _put(self, key, outcome):
        # A test that ran several times is as bad as its worst time.
        worst = ("passed", "skipped", "failed")
        self.outcomes[key] = max(outcome, self.outcomes.get(key, "passed"), key=worst.index)

    def _read_testlog(self, path):
        for line in path.read_text(encoding="utf-8").splitlines():
            file = None
            for text in json.loads(line).get("stdout", "").splitlines():
                if found := re.match(r"\[ +(OK|FAILED|SKIPPED) +\] ([^ ,]+)", text):
                    # A parametrised test is Instance/Suite.Name/0.
                    name = re.sub(r"^\w+/", "", found[2])
                    name = re.sub(r"/[^.]*$", "", name)
                    outcome = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
                    self._put(("gtest", name), outcome[found[1]])
                elif re.fullmatch(r"[\w-]+\.yaml", text):
                    file = text
                elif file and (found := re.fullmatch(r"  (ok|FAILED) +(.+)", text)):
                    outcome = "passed" if found[1] == "ok" else "failed"
                    self._put((file, found[2]), outcome)

    def _read_junit(self, path):
        for case in xml.etree.ElementTree.parse(path).iter("testcase"):
            file = case.get("classname", "").rsplit(".", 1)[-1] + ".py"
            outcome = "passed"
            if case.find("failure") is not None or case.find("error") is not None:
                outcome = "failed"
            elif case.find("skipped") is not None:
                outcome = "skipped"
            self._put((file, case.get("name", "").split("[")[0]), outcome)

    def of(self, test):
        kind = "gtest" if test.suite else test.path.rsplit("/", 1)[-1]
        return self.outcomes.get((kind, test.title), "not run")


# ---- the page


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def link(test, results):
    text = f"[{cell(test.title)}](../{test.path})"
    return f"{text}: **{results.of(test)}**" if results else text


def shown_by(one, results):
    parts = [link(test, results) for test in one.tests]
    if one.reason_kind:
        parts.append(f"*{one.reason_kind}*: {cell(one.reason)}")
    return "<br>".join(parts) or "**no test**"


def summary(several):
    counts = collections.Counter()
    for one in (one for asked in several for one in asked.by_id.values()):
        level = one.level.removesuffix(" NOT")
        state = one.reason_kind or ("test" if one.tests else "none")
        counts[level, state] += 1
    lines = [
        "| | asked | shown by a test | by construction | deviation | not applicable | no test |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for level in ("MUST", "SHOULD", "MAY"):
        states = ("test", "by construction", "deviation", "not applicable", "none")
        of_level = [counts[level, state] for state in states]
        lines.append(f"| {level} | {sum(of_level)} | " + " | ".join(map(str, of_level)) + " |")
    return lines


def command(several, title):
    files = " ".join(f"{asked.rfc}.txt" for asked in several)
    together = f"--together '{title}' " if title else ""
    return f"tests/conformance/conformance.py {together}{files}"


def page(several, title=None, results=None):
    who = "the RFCs ask" if title else "the RFC asks"
    lines = [
        f"# {title or several[0].title}",
        "",
        f"What {who}, and the test that shows that Godwit does it. Written by",
        f"`{command(several, title)}`, which fails where a MUST has neither a test",
        "nor a reason; with `--results build/meson-logs/testlog.json` it adds what each test did in the",
        "last run. The requirements are in our own words, each sentence saying what holds; the number of",
        "the section leads to the RFC's.",
        "A *deviation* says what we do instead and why, *not applicable* why a requirement never arises,",
        "*by construction* why there is nothing that a test could try.",
        "",
        *summary(several),
        "",
    ]
    for asked in several:
        if title:
            lines += [f"## {asked.title}", ""]
        lines += sections(asked, 1 if title else 0, results)
    return "\n".join(lines)


def sections(asked, deeper, results):
    lines = []
    for section in asked.sections.values():
        depth = min(section.number.count(".") + 2 + deeper, 4)
        lines.append(f"{'#' * depth} {section.number} {section.title}")
        if section.requirements:
            lines += ["| id | level | asked | shown by |", "| --- | --- | --- | --- |"]
            for one in section.requirements:
                lines.append(
                    f"| {one.id} | {one.level} | {cell(one.text)} | {shown_by(one, results)} |"
                )
        if section.tests:
            tests = ", ".join(link(test, results) for test in section.tests)
            lines += ["", f"Of the section as a whole: {tests}."]
        lines.append("")
    return lines


def complaints_about(several):
    return [fault for asked in several for fault in (*asked.faults, *asked.unshown())]


def checked(several, title, committed):
    """0 when the page may be published as it is."""
    complaints = complaints_about(several)
    for complaint in complaints:
        print(complaint)
    printed = page(several, title)
    there = committed.read_text(encoding="utf-8") if committed.exists() else ""
    if printed != there:
        sys.stdout.writelines(
            difflib.unified_diff(
                there.splitlines(True), printed.splitlines(True), str(committed), "printed now"
            )
        )
        print(
            f"{committed} is out of date; write it anew: "
            f"{command(several, title)} > docs/{committed.name}"
        )
    return 1 if complaints or printed != there else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, nargs="+", help="data files, by path or name")
    parser.add_argument("--together", metavar="TITLE", help="one page of several, with this title")
    parser.add_argument("--check", type=pathlib.Path, metavar="PAGE")
    parser.add_argument("--results", type=pathlib.Path, nargs="+", default=[], metavar="FILE")
    chosen = parser.parse_args()
    if len(chosen.data) > 1 and not chosen.together:
        parser.error("several RFCs make one page only with --together TITLE")
    several = []
    for data in chosen.data:
        if not data.exists():
            data = pathlib.Path(__file__).parent / data.name
        several.append(Asked(data))
        collect(several[-1])
    if chosen.check:
        return checked(several, chosen.together, chosen.check)
    results = Results(chosen.results) if chosen.results else None
    sys.stdout.write(page(several, chosen.together, results))
    for fault in complaints_about(several):
        print(fault, file=sys.stderr)
    return 1 if any(asked.faults for asked in several) else 0


if __name__ == "__main__":
    sys.exit(main())
