"""What godwit-bench says about its arguments, its result file and its budget.

    smoke.py GODWIT-BENCH

Measures one tiny case, and judges no figure by its value: that is --budget's work on a quiet machine.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
TINY = ["forward/1/64/1-flow", "--filter", "1-flow$", "--rounds", "1", "--no-hugepages"]
FIGURE = "forward/1/64/1-flow/ours"


def bench(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False,
                          timeout=120)


class Arguments(unittest.TestCase):
    def test_list_names_every_family_and_measures_nothing(self):
        done = bench("--list")
        self.assertEqual(done.returncode, 0, done.stderr)
        for family in ("lookup", "forward", "nat", "churn", "two-workers", "idle", "tcp", "wire",
                       "rib"):
            self.assertIn(f"# {family}:", done.stdout)
        self.assertIn("lookup/1M/routed ", done.stdout)

    def test_a_name_chooses_the_cases_that_begin_with_it(self):
        done = bench("--list", "churn/")
        names = [line.split()[0] for line in done.stdout.splitlines() if line[0] != "#"]
        self.assertIn("churn/paced", names)
        self.assertTrue(all(name.startswith("churn/") for name in names), names)

    def test_mistakes_are_named_and_end_with_2(self):
        for arguments, words in [
                (["lokup"], 'no case begins with "lokup"'),
                (["--filter", "("], "not a regular expression"),
                (["--filter", "nothing-has-this-name"], "no case matches"),
                (["--rounds", "0"], "--rounds"),
                (["--rounds", "many"], "--rounds"),
                (["--colour"], "--colour"),
                (["--budget-file", "x"], "--budget"),
                ([*TINY, "--budget", "--budget-file", "/no/such/file"], "cannot be read"),
        ]:
            with self.subTest(arguments=arguments):
                done = bench(*arguments)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(words, done.stderr)


class Measuring(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return pathlib.Path(self.folder.name) / name

    def budget(self, **line):
        self.path("budget.json").write_text(json.dumps({"figures": [line]}), encoding="utf-8")
        return bench(*TINY, "--budget", "--budget-file", str(self.path("budget.json")))

    def test_the_result_file_says_where_and_what(self):
        done = bench(*TINY, "--seed", "7", "--json", str(self.path("result.json")))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        result = json.loads(self.path("result.json").read_text(encoding="utf-8"))
        self.assertEqual(result["options"]["seed"], 7)
        self.assertGreater(result["machine"]["tsc_hz"], 1e8)
        self.assertTrue(result["machine"]["cpu"])
        self.assertEqual(result["without_figures"], [])
        figures = {figure["name"]: figure for figure in result["figures"]}
        self.assertEqual(figures[FIGURE]["unit"], "cycles")
        self.assertGreater(figures[FIGURE]["value"], 0)
        self.assertIn(FIGURE, done.stdout)

    def test_a_budget_that_holds_is_silent(self):
        done = self.budget(name=FIGURE, accepted=1e9, margin_percent=0)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 held, 0 broken", done.stdout)

    def test_a_figure_over_its_budget_is_named_with_its_limit(self):
        done = self.budget(name=FIGURE, accepted=0.001, margin_percent=10)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(f"over budget: {FIGURE}", done.stderr)
        self.assertIn("accepted 0.001, margin 10 %", done.stderr)

    def test_where_more_is_better_too_little_is_over_budget(self):
        done = self.budget(name=FIGURE, accepted=1e9, margin_percent=10, better="more")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("below the limit", done.stderr)

    def test_a_budget_for_a_figure_that_its_case_does_not_have_fails(self):
        done = self.budget(name="forward/1/64/1-flow/gone", accepted=1, margin_percent=0)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("reports no such figure", done.stderr)

    def test_a_budget_that_cannot_be_read_measures_nothing(self):
        done = self.budget(name=FIGURE, accepted="much", margin_percent=0)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("figure 1", done.stderr)
        self.assertNotIn(FIGURE, done.stdout)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
