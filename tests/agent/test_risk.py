"""The risk check: three tiers, each finding with line, column, rule and reason."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.permission.risk.assess import assess

pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    "code",
    [
        "import pandas as pd\npd.read_excel('inputs/a.xlsx', header=3)",
        "import numpy, openpyxl, xlsxwriter, python_calamine, json, csv, re, math, statistics",
        "from datetime import date\nfrom pathlib import Path\nPath('outputs/x.csv').write_text('a')",
        "import matplotlib.pyplot as plt\nplt.plot([1]); plt.savefig('outputs/c.png')",
        "%matplotlib inline\nx = 1",
        "%time x = sum(range(10))",
        "%%time\nx = 1",
        "%%timeit -n1 -r1\nx = 1",
        "%%capture out --no-stderr\nprint(1)",
        "frame.query('Sales > @min_sales')",
        "text.replace('/', '-').split('/')",
        "open('/workspace/outputs/x', 'w'); open('/tmp/y', 'w')",
        "if __name__ == '__main__': pass",
        "class Row:\n    def __init__(self): self.x = 1",
        "",
    ],
)
def test_ordinary_work_on_workbooks_is_low(code):
    assert assess(code).tier == "low"
    assert assess(code).findings == ()


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("import requests", "network-library"),
        ("from urllib.request import urlopen", "network-library"),
        ("import xlwt", "excel-reader"),
        ("import somepackage", "unknown-library"),
        ("import pandas as pd\npd.read_csv('https://example.com/a.csv')", "url"),
        ("u = 'http://a.b/c'\nimport pandas as pd\npd.read_excel(u)", "url"),
        ("base = 'https://a.b'\npd.read_csv(f'{base}/x.csv')", "url"),
        ("open('/etc/hosts')", "path"),
        ("from pathlib import Path\nPath('~/x').read_text()", "path"),
        ("open('../../etc/hosts')", "path"),
        ("open('/workspace/../etc/hosts')", "path"),
        ("pd.read_sql('select 1', 'x')", "database"),
        ("getattr(frame, name)()", "dynamic-access"),
        ("frame.pipe(getattr(frame, name))", "dynamic-access"),
    ],
)
def test_what_could_matter_outside_asks(code, rule):
    assessment = assess(code)

    assert assessment.tier == "medium"
    assert rule in {finding.rule for finding in assessment.findings}
    assert all(finding.capability for finding in assessment.findings)


@pytest.mark.parametrize(
    "module",
    "os subprocess socket sys ctypes importlib pickle shelve marshal builtins multiprocessing".split(),
)
@pytest.mark.parametrize(
    "form", ["import {0}", "import {0} as x", "from {0} import *", "import a, {0}"]
)
def test_modules_that_leave_python_never_run(module, form):
    assert assess(form.format(module)).tier == "high"


@pytest.mark.parametrize(
    "code",
    [
        "eval('1')",
        "exec('x = 1')",
        "compile('1', 'a', 'eval')",
        "__import__('os')",
        "e = eval\ne('1')",
        "__builtins__['eval']",
        "().__class__.__bases__[0].__subclasses__()",
        "f.__globals__",
        "getattr(f, '__globals__')",
        "'{0.__class__}'.format(1)",
        "x = '__subc' 'lasses__'",
        "(lambda: 0).__code__",
        "(x for x in y).gi_frame.f_back",
        "import pathlib\npathlib.os.system('id')",
        "import pandas as pd\npd.io.common.os",
        "from pathlib import os",
        "import os.path",
        "pd.read_pickle('inputs/x')",
        "frame.to_pickle('outputs/x')",
        "numpy.load('x', allow_pickle=True)",
        "frame.query('@pd.io.common.os.system(1)')",
        "!ls",
        "files = !ls",
        "!!ls",
        "%system ls",
        "%run x.py",
        "%pip install x",
        "%load_ext x",
        "%%bash\nls",
        "%%javascript\nalert(1)",
        "%time import os",
        "%%time\nimport os",
        "%%capture out\n!ls",
        "%%capture {__import__('os').getcwd()}\npass",
        "%%timeit -n1 import os; os.getcwd()\npass",
        "%%timeit {f()}\npass",
        "exit._ip.system('ls')",
        "get_ipython().system('ls')",
        "get_ipython",
        "globals()['__builtins__']",
        "breakpoint()",
    ],
)
def test_escapes_and_shell_never_run(code):
    assert assess(code).tier == "high"


def test_a_finding_names_line_column_rule_and_reason():
    (finding,) = assess("x = 1\ny = 2; import os").findings

    assert (finding.line, finding.column) == (2, 8)
    assert finding.rule == "forbidden-module"
    assert "operating system" in finding.reason


def test_a_finding_in_a_timed_cell_keeps_its_line():
    (finding,) = assess("%%time\nx = 1\nimport os").findings

    assert finding.line == 3


@pytest.mark.parametrize(
    "code", ["def f(:", "x = 'open", "a\x00b", "(" * 500 + ")" * 500, "%%time\ndef f(:"]
)
def test_what_cannot_be_parsed_never_passes(code):
    assessment = assess(code)

    assert assessment.syntax_error or assessment.tier == "high"


@given(st.text(max_size=200))
@settings(max_examples=3 * settings.default.max_examples)
def test_any_text_gets_a_verdict_and_never_an_exception(text):
    assert assess(text).tier in ("low", "medium", "high")


@pytest.mark.parametrize(
    "code", [r"'\d'", "1if x else 2", "1.if x else 2", "0x1for x in y", "1_0or x"]
)
def test_python_s_warnings_about_the_code_go_nowhere(code):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assess(code)
