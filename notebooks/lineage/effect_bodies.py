"""What is known of a function: its parameters, what its body changes and calls."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

IN_PLACE = frozenset(
    """add append clear discard extend insert pop popitem remove reverse setdefault sort update
    appendleft extendleft rotate move_to_end difference_update intersection_update
    symmetric_difference_update setflags itemset isetitem fill resize
    create_sheet insert_rows insert_cols delete_rows delete_cols merge_cells unmerge_cells
    add_table add_image add_chart add_worksheet write_row write_column write_number write_string
    write_formula __setitem__ __delitem__""".split()
)
"""Methods that change their object, if the value of the call is not used."""
TAKES_OUT = frozenset("pop popitem popleft setdefault __setitem__ __delitem__".split())
"""Methods that change their object, also where their value is used."""
FIRST_ARGUMENT = frozenset(
    """shuffle heappush heappop heapify heappushpop heapreplace insort insort_left insort_right
    fill_diagonal copyto putmask put_along_axis setattr delattr setitem delitem""".split()
)
"""Functions that change their first argument."""
ELEMENTS = frozenset("enumerate zip reversed sorted list tuple iter filter".split())
"""Functions whose value has the elements of their arguments."""
PARTS = frozenset("values items".split())
KNOWN_MODULES = frozenset(sys.stdlib_module_names) | frozenset(
    """pandas numpy openpyxl xlsxwriter scipy matplotlib seaborn plotly sklearn statsmodels dateutil
    python_calamine pyarrow polars requests tqdm xlrd lxml bs4 yaml PIL duckdb numpy_financial
    rapidfuzz IPython pytz tabulate docx pptx pypdf networkx sympy numba workbooks""".split()
)
"""Modules whose functions leave their arguments as they are, but for those that are listed here."""


def is_parameter(name: str) -> bool:
    """Whether *name* stands for a parameter of the function that is looked at."""
    return name.startswith(".")


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose effects depend on what its name stands for.

    Attributes:
        name: Name of the function or method; with a dot before it, a parameter.
        object: Objects whose method it is.
        kind: Class of the object, if the call itself makes it.
        arguments: Place or keyword of an argument, and the objects that it may be.
        method: Whether it is a method.
        dropped: Whether its value is not used.
        sure: Whether it changes the objects themselves, and not what they are part of.
    """

    name: str
    object: frozenset[str]
    kind: str
    arguments: tuple[tuple[int | str, frozenset[str]], ...]
    method: bool
    dropped: bool
    sure: bool = True


@dataclass(slots=True)
class Body:
    """What a statement or a function does itself; a parameter's name begins with a dot.

    Attributes:
        reads: Variables of the notebook that it uses, for a function.
        sets: Variables that it gives a value, by ``global``.
        alters: Objects that it changes in place.
        may: Objects that it may change in place.
        calls: What it calls.
        passed: Names that it passes to calls.
        functions: Functions that it defines.
        classes: Classes that it defines: their bases and methods.
        kinds: Variables that it gives a new object of a class, with its name.
        foreign: Names that it imports from modules that are not known.
        same: Variables that it gives the object of another one.
    """

    reads: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    alters: set[str] = field(default_factory=set)
    may: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, tuple[tuple[str, ...], Mapping[str, Function]]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    same: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of a notebook.

    Attributes:
        parameters: Its parameters, each with a dot before it.
        rest: The one that takes further arguments, likewise; empty without one.
        named: The one that takes further keywords, likewise.
        body: What it does.
        owner: Its class, for a method.
    """

    parameters: tuple[str, ...]
    rest: str
    named: str
    body: Body
    owner: str = ""
