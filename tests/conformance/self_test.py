#!/usr/bin/env python3
"""conformance.py against small trees of its own: what it must find, and what it must refuse."""

import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import conformance  # noqa: E402

DATA = """; a comment
title RFC 1, Small
# 1 One
- MUST The only one.
# 2.1 Several
a MUST NOT The first,
  over two lines.
b SHOULD The second.
c MUST The third.
  deviation: we do not,
  because.
"""


class Tree(unittest.TestCase):
    """A project with a data file rfc1.txt and the test files that a case writes."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        before = conformance.ROOT
        conformance.ROOT = self.root
        self.addCleanup(setattr, conformance, "ROOT", before)
        (self.root / "tests").mkdir()

    def asked(self, data=DATA, **files):
        (self.root / "rfc1.txt").write_text(data)
        for name, text in files.items():
            path = self.root / {
                "cpp": "tests/unit/a_test.cpp",
                "yaml": "tests/packet/cases/a.yaml",
                "py": "tests/interop/test_a.py",
            }[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        asked = conformance.Asked(self.root / "rfc1.txt")
        conformance.collect(asked)
        return asked

    def titles(self, asked, tagged):
        return [test.title for test in asked.by_id[tagged].tests]

    def test_a_data_file_is_read_with_its_lines_that_go_on(self):
        asked = self.asked()
        self.assertEqual(asked.title, "RFC 1, Small")
        self.assertEqual(list(asked.by_id), ["1", "2.1/a", "2.1/b", "2.1/c"])
        self.assertEqual(asked.by_id["2.1/a"].text, "The first, over two lines.")
        self.assertEqual(asked.by_id["2.1/c"].reason, "we do not, because.")
        self.assertEqual(asked.faults, [])

    def test_lines_that_mean_nothing_and_ids_that_come_twice_are_faults(self):
        self.assertTrue(self.asked("# 1 One\n- WOULD Something.\n").faults)
        self.assertTrue(self.asked("# 1 One\na MUST x.\na MUST y.\n").faults)
        self.assertTrue(self.asked("# 1 One\n- MUST x.\n# 1 Again\n").faults)
        self.assertTrue(self.asked("# 1 One\n- MUST x.\nb MUST y.\n").faults)

    def test_a_must_without_test_and_reason_is_named_and_a_should_is_not(self):
        unshown = "\n".join(self.asked().unshown())
        self.assertIn("1 (MUST", unshown)
        self.assertIn("2.1/a (MUST NOT", unshown)
        self.assertNotIn("2.1/b", unshown)
        self.assertNotIn("2.1/c", unshown)

    def test_tags_of_all_languages_find_their_tests(self):
        asked = self.asked(
            cpp="// why\n// rfc1: 1, 2.1/a\nTEST_F(Suite,\n       Name) {\n}\n",
            yaml="cases:\n  # --- a part\n  # rfc1: 1\n  - name: a case\n    in: []\n",
            py="# rfc1: 1\n@mark(\n    'x',\n)\ndef test_it():\n    pass\n",
        )
        self.assertEqual(asked.faults, [])
        self.assertEqual(sorted(self.titles(asked, "1")), ["Suite.Name", "a case", "test_it"])
        self.assertEqual(self.titles(asked, "2.1/a"), ["Suite.Name"])
        self.assertEqual(asked.unshown(), [])

    def test_a_tag_of_another_rfc_is_left_alone(self):
        asked = self.asked(cpp="// rfc2: 9.9\nTEST(Suite, Name) {}\n")
        self.assertEqual(asked.faults, [])
        self.assertEqual(self.titles(asked, "1"), [])

    def test_one_line_may_name_several_rfcs(self):
        asked = self.asked(cpp="// rfc2: 9.9, 9.8, rfc1: 1, 2.1/a\nTEST(Suite, Name) {}\n")
        self.assertEqual(asked.faults, [])
        self.assertEqual(self.titles(asked, "1"), ["Suite.Name"])
        self.assertEqual(self.titles(asked, "2.1/a"), ["Suite.Name"])

    def test_a_test_that_names_a_requirement_twice_is_there_once(self):
        asked = self.asked(cpp="// rfc1: 1\n// why\n// rfc1: 1, 2.1/a\nTEST(Suite, Name) {}\n")
        self.assertEqual(self.titles(asked, "1"), ["Suite.Name"])

    def test_a_section_alone_shows_none_of_its_several_requirements(self):
        asked = self.asked(cpp="// rfc1: 2.1\nTEST(Suite, Name) {}\n")
        self.assertEqual(asked.faults, [])
        self.assertIn("2.1/a", "\n".join(asked.unshown()))
        self.assertIn("Of the section as a whole: [Suite.Name]", conformance.page([asked]))

    def test_tags_that_lead_nowhere_are_faults_with_their_place(self):
        for text in (
            "// rfc1: 7\nTEST(Suite, Name) {}\n",
            "// rfc1: 2.1/z\nTEST(Suite, Name) {}\n",
            "// rfc1: 1 and more\nTEST(Suite, Name) {}\n",
            "// rfc1: 1\n\nTEST(Suite, Name) {}\n",
            "// rfc1: 1\nint x;\n",
        ):
            faults = self.asked(cpp=text).faults
            self.assertEqual(len(faults), 1, text)
            self.assertIn("tests/unit/a_test.cpp:1", faults[0])

    def test_a_page_is_checked_to_the_letter(self):
        whole = "title RFC 1, Small\n# 1 One\n- MUST The only one.\n"
        asked = self.asked(whole, cpp="// rfc1: 1\nTEST(Suite, Name) {}\n")
        page = self.root / "rfc-1.md"
        with open(self.root / "out", "w", encoding="utf-8") as out:
            before, sys.stdout = sys.stdout, out
            try:
                self.assertEqual(conformance.checked([asked], None, page), 1)
                page.write_text(conformance.page([asked]))
                self.assertEqual(conformance.checked([asked], None, page), 0)
                asked.by_id["1"].tests.clear()
                self.assertEqual(conformance.checked([asked], None, page), 1)
            finally:
                sys.stdout = before

    def test_results_of_all_three_kinds_reach_their_tests(self):
        asked = self.asked(
            cpp="// rfc1: 1\nTEST_P(Suite, Good) {}\n// rfc1: 1\nTEST(Suite, Bad) {}\n"
            "// rfc1: 1\nTEST(Suite, Absent) {}\n",
            yaml="cases:\n  # rfc1: 1\n  - name: a case\n",
            py="# rfc1: 1\ndef test_it():\n    pass\n",
        )
        log = self.root / "testlog.json"
        gtest = "[       OK ] All/Suite.Good/0 (1 ms)\n[  FAILED  ] Suite.Bad (1 ms)\n"
        cases = "a.yaml\n  ok     a case\nb.yaml\n  FAILED a case\n"
        log.write_text("".join(json.dumps({"stdout": text}) + "\n" for text in (gtest, cases)))
        junit = self.root / "interop.xml"
        junit.write_text(
            '<testsuite><testcase classname="tests.interop.test_a" name="test_it[x]"/>'
            '<testcase classname="tests.interop.test_a" name="test_it[y]"><failure/></testcase>'
            "</testsuite>"
        )
        results = conformance.Results([log, junit])
        outcomes = {test.title: results.of(test) for test in asked.by_id["1"].tests}
        self.assertEqual(
            outcomes,
            {
                "Suite.Good": "passed",
                "Suite.Bad": "failed",
                "Suite.Absent": "not run",
                "a case": "passed",
                "test_it": "failed",
            },
        )


class Together(Tree):
    def test_requirements_that_an_rfc_counts_have_a_text_of_their_own_and_letters(self):
        asked = self.asked(
            "title RFC 1, Counted\n# REQ-9 Hairpin\n- MUST It is done.\na MUST As from outside.\n",
            cpp="// rfc1: REQ-9, REQ-9/a\nTEST(Suite, Name) {\n}\n",
        )
        self.assertEqual(asked.faults, [])
        self.assertEqual(list(asked.by_id), ["REQ-9", "REQ-9/a"])
        self.assertEqual(self.titles(asked, "REQ-9"), ["Suite.Name"])
        self.assertEqual(self.titles(asked, "REQ-9/a"), ["Suite.Name"])

    def test_several_rfcs_make_one_page_and_one_sum(self):
        one = self.asked("title RFC 1, One\n# REQ-1 A\n- MUST a.\n")
        page = conformance.page([one, one], "Both")
        self.assertIn("# Both\n", page)
        self.assertIn("## RFC 1, One\n\n### REQ-1 A\n", page)
        self.assertIn("| MUST | 2 | 0 |", page)


if __name__ == "__main__":
    unittest.main()
