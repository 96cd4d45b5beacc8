"""What cells change outside their variables, as far as a snapshot holds it.

Random generators, pandas' and NumPy's options, Matplotlib's parameters, the environment, the
working directory, the path of imports, warnings' filters, and the text of cells for tracebacks.
Each is set only if it differs from the kernel's own.
"""

from __future__ import annotations

import contextlib
import decimal
import linecache
import os
import random
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

CELL_FILES = ("/tmp/ipykernel_", "<ipython-input")  # noqa: S108
MOST_TEXT = 2_000_000
_start_environment: dict[str, str] = {}


def note_start() -> None:
    """Note the environment as it is before the first cell."""
    _start_environment.update(os.environ)


def settings(shell: Any) -> dict[str, Any]:
    """Return name → value of the settings of this process that can be asked for."""
    found: dict[str, Any] = {"execution_count": shell.execution_count}
    for name, (ask, _) in _SETTINGS.items():
        with contextlib.suppress(Exception):  # a library that works otherwise
            if (value := ask()) is not None:
                found[name] = value
    return found


def apply(found: dict[str, Any], shell: Any) -> None:
    """Set what `settings` returned."""
    shell.execution_count = int(found.get("execution_count", shell.execution_count))
    for name, (ask, put) in _SETTINGS.items():
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if name in found and name != "warnings" and ask() != found[name]:
                put(found[name])
    if (filters := found.get("warnings")) is not None and warnings.filters != filters:
        warnings.filters = filters
        warnings._filters_mutated()  # type: ignore[attr-defined]


def _numpy_random() -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    name, keys, *others = numpy.random.get_state()
    return (name, keys.tolist(), *others)


def _set_numpy_random(state: Any) -> None:
    import numpy as np

    np.random.set_state(state)


def _pandas_options() -> dict[str, Any] | None:
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    config = pandas._config.config
    return dict(_flat(config._global_config, ""))


def _flat(options: dict[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if type(value) is dict:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _set_pandas_options(options: dict[str, Any]) -> None:
    import pandas as pd

    now = _pandas_options() or {}
    for name, value in options.items():
        if now.get(name) is not value and now.get(name) != value:
            with contextlib.suppress(Exception):
                pd.set_option(name, value)


def _numpy_options() -> Any:
    numpy = sys.modules.get("numpy")
    return None if numpy is None else (numpy.get_printoptions(), numpy.geterr())


def _set_numpy_options(options: Any) -> None:
    import numpy as np

    np.set_printoptions(**{k: v for k, v in options[0].items() if k != "override_repr"})
    np.seterr(**options[1])


def _matplotlib() -> Any:
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is None:
        return None
    return {k: v for k, v in dict.items(matplotlib.rcParams) if k != "backend"}


def _set_matplotlib(parameters: dict[str, Any]) -> None:
    import matplotlib as mpl

    mpl.rcParams.update(parameters)


def _environment() -> Any:
    gone = sorted(_start_environment.keys() - os.environ.keys())
    new = {k: v for k, v in os.environ.items() if _start_environment.get(k) != v}
    return (new, gone) if new or gone else None


def _set_environment(changes: Any) -> None:
    new, gone = changes
    os.environ.update(new)
    for name in gone:
        os.environ.pop(name, None)
    time.tzset()  # TZ may be one of them


def _set_path(path: list[str]) -> None:
    sys.path[:] = path


def _decimal() -> Any:
    context = decimal.getcontext()
    return context.prec, context.rounding


def _set_decimal(context: Any) -> None:
    decimal.getcontext().prec, decimal.getcontext().rounding = context


def _cell_texts() -> dict[str, Any]:
    texts = {k: v for k, v in linecache.cache.items() if k.startswith(CELL_FILES) and len(v) == 4}
    size, kept = 0, {}
    for name, text in reversed(list(texts.items())):
        size += int(text[0])
        if size > MOST_TEXT:
            break
        kept[name] = text
    return kept


_SETTINGS: dict[str, tuple[Any, Any]] = {
    "random": (random.getstate, random.setstate),
    "numpy_random": (_numpy_random, _set_numpy_random),
    "pandas": (_pandas_options, _set_pandas_options),
    "numpy": (_numpy_options, _set_numpy_options),
    "matplotlib": (_matplotlib, _set_matplotlib),
    "environment": (_environment, _set_environment),
    "directory": (os.getcwd, os.chdir),
    "path": (lambda: list(sys.path), _set_path),
    "decimal": (_decimal, _set_decimal),
    "warnings": (lambda: list(warnings.filters), None),
    "cells": (_cell_texts, lambda texts: linecache.cache.update(texts)),
}
