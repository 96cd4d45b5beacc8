"""Defaults of every kernel: Excel readers, display limits, a clear error from input()."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAX_ROWS = 60
MAX_COLUMNS = 30
MAX_CELL_CHARACTERS = 200


def _asking(kernel: Any, ask: Callable[..., str]) -> Callable[..., str]:
    """Wrap *ask* to raise a clear error when the cell's client can't answer."""

    def ask_or_refuse(prompt: object = "", *args: object, **options: object) -> str:
        if not kernel._allow_stdin:
            raise RuntimeError(
                "input() is not available: nobody sits at this kernel. Put the value in a variable."
            )
        return ask(prompt, *args, **options)

    return ask_or_refuse


def _choose_writer(pandas: Any) -> None:
    """Use openpyxl in append mode: xlsxwriter, the faster default, can only write new files."""
    construct = pandas.ExcelWriter.__new__

    def choose(cls: Any, path: Any, engine: str | None = None, *args: Any, **options: Any) -> Any:
        if engine is None and "a" in options.get("mode", "w"):
            engine = "openpyxl"
        return construct(cls, path, engine, *args, **options)

    pandas.ExcelWriter.__new__ = choose


def apply(shell: Any) -> None:
    """Set the defaults in *shell*, IPython's interactive shell."""
    import pandas as pd
    from inside import memory  # type: ignore[import-not-found]

    pd.set_option("io.excel.xlsx.reader", "calamine")
    pd.set_option("io.excel.xls.reader", "calamine")
    pd.set_option("io.excel.xlsx.writer", "xlsxwriter")
    try:
        from workbooks import pandas_defaults  # type: ignore[import-not-found]
    except ImportError:
        pass  # pandas reads workbooks by calamine alone
    else:
        pandas_defaults.apply(memory.free_bytes)
    _choose_writer(pd)
    pd.set_option("display.max_rows", MAX_ROWS)
    pd.set_option("display.max_columns", MAX_COLUMNS)
    pd.set_option("display.max_colwidth", MAX_CELL_CHARACTERS)
    pd.set_option("display.width", 160)
    # ipykernel binds input() and getpass() to these before every cell.
    kernel = shell.kernel
    kernel.raw_input = _asking(kernel, kernel.raw_input)
    kernel.getpass = _asking(kernel, kernel.getpass)
    shell.run_line_magic("matplotlib", "inline")
