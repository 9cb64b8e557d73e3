"""Runs the tests, and writes reports/junit.xml and reports/coverage.lcov, with Python's own library alone."""

import os
import sys
import threading
import time
import trace
import types
import unittest
from xml.sax.saxutils import quoteattr

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Recorder(unittest.TextTestResult):
    def startTestRun(self):
        self.rows = []

    def startTest(self, test):
        self.began = time.perf_counter()
        self.problem = None
        super().startTest(test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.problem = ("failure", str(error[1]))

    def addError(self, test, error):
        super().addError(test, error)
        self.problem = ("error", repr(error[1]))

    def stopTest(self, test):
        super().stopTest(test)
        self.rows.append((type(test).__name__, test._testMethodName, time.perf_counter() - self.began, self.problem))


def junit(rows):
    cases = []
    for suite, name, seconds, problem in rows:
        body = f"<{problem[0]} message={quoteattr(problem[1])}/>" if problem else ""
        cases.append(f"<testcase classname={quoteattr(suite)} name={quoteattr(name)} time=\"{seconds:.6f}\">{body}</testcase>")
    failures = sum(1 for row in rows if row[3])
    return f'<testsuites><testsuite name="shop" tests="{len(rows)}" failures="{failures}" errors="0" skipped="0">' + "".join(cases) + "</testsuite></testsuites>\n"


def executable_lines(code):
    """The numbers of the lines that have code, those of nested functions included."""
    lines = {line for _, _, line in code.co_lines() if line}
    return lines.union(*(executable_lines(inner) for inner in code.co_consts if isinstance(inner, types.CodeType)))


def lcov(counts, source):
    with open(source) as file:
        lines = sorted(executable_lines(compile(file.read(), source, "exec")))
    hits = {line: counts.get((source, line), 0) for line in lines}
    rows = "".join(f"DA:{line},{count}\n" for line, count in hits.items())
    return f"TN:\nSF:{os.path.relpath(source, ROOT)}\n{rows}LF:{len(lines)}\nLH:{sum(1 for count in hits.values() if count)}\nend_of_record\n"


def run():
    suite = unittest.defaultTestLoader.discover(os.path.join(ROOT, "tests"))
    return unittest.TextTestRunner(resultclass=Recorder, verbosity=2).run(suite)


def main():
    sys.path.insert(0, ROOT)
    tracer = trace.Trace(count=1, trace=0, ignoredirs=[sys.prefix, sys.exec_prefix])
    threading.settrace(tracer.globaltrace)
    result = tracer.runfunc(run)
    os.makedirs(os.path.join(ROOT, "reports"), exist_ok=True)
    with open(os.path.join(ROOT, "reports/junit.xml"), "w") as file:
        file.write(junit(result.rows))
    with open(os.path.join(ROOT, "reports/coverage.lcov"), "w") as file:
        file.write(lcov(tracer.results().counts, os.path.join(ROOT, "shop.py")))
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
