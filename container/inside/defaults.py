"""Defaults every kernel starts with: readers, display limits, a plain answer to input()."""

from __future__ import annotations

from typing import Any, NoReturn

MAX_ROWS = 60
MAX_COLUMNS = 30
MAX_CELL_CHARACTERS = 200


def _refuse_input(prompt: object = "") -> NoReturn:
    raise RuntimeError(
        "input() is not available: nobody sits at this kernel. Put the value in a variable."
    )


def _choose_writer(pandas: Any) -> None:
    """Append with openpyxl: xlsxwriter, the default and the faster one, can only begin anew."""
    construct = pandas.ExcelWriter.__new__

    def choose(cls: Any, path: Any, engine: str | None = None, *args: Any, **options: Any) -> Any:
        if engine is None and "a" in options.get("mode", "w"):
            engine = "openpyxl"
        return construct(cls, path, engine, *args, **options)

    pandas.ExcelWriter.__new__ = choose


def apply(shell: Any) -> None:
    """Set the defaults in *shell*, IPython's interactive shell."""
    import pandas as pd

    pd.set_option("io.excel.xlsx.reader", "calamine")
    pd.set_option("io.excel.xls.reader", "calamine")
    pd.set_option("io.excel.xlsx.writer", "xlsxwriter")
    _choose_writer(pd)
    pd.set_option("display.max_rows", MAX_ROWS)
    pd.set_option("display.max_columns", MAX_COLUMNS)
    pd.set_option("display.max_colwidth", MAX_CELL_CHARACTERS)
    pd.set_option("display.width", 160)
    # ipykernel points input() and getpass() here before every cell.
    shell.kernel.raw_input = shell.kernel.getpass = _refuse_input
    shell.run_line_magic("matplotlib", "inline")
