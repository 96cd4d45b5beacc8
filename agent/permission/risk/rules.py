"""Names, attributes, calls and paths, as data."""

from __future__ import annotations

HIGH_NAMES: dict[str, str] = {
    "eval": "runs a string as code",
    "exec": "runs a string as code",
    "compile": "turns a string into code",
    "__import__": "imports modules past this check",
    "__builtins__": "hands out eval, exec and __import__",
    "__loader__": "imports modules past this check",
    "__spec__": "imports modules past this check",
    "breakpoint": "starts a debugger",
    "get_ipython": "controls the kernel itself",
}

MEDIUM_NAMES: dict[str, str] = {
    "vars": "reaches attributes by string, which this check can't follow",
    "delattr": "changes objects by attribute name, which this check can't follow",
}

NAMESPACES = frozenset({"globals", "locals"})
"""They give access to names by string; harmless if only tested for a name."""

BY_STRING = frozenset({"getattr", "setattr"})
"""They access attributes by string; followed in a call, but not if passed as a value."""

SAFE_SINKS = frozenset(
    """
    print str repr len type isinstance issubclass int float bool round abs sum format list tuple
    set frozenset sorted dir help id hash any all enumerate zip hasattr getattr display callable
    append add extend insert update setdefault write writerow append_row to_datetime to_numeric
    isna notna isnull notnull isnan Decimal Fraction date datetime Timestamp
    """.split()
)
"""Calls that only read or store a value: they neither call it nor use its attributes."""

DATA_ATTRIBUTES = frozenset(
    """
    strip lstrip rstrip lower upper title split replace startswith endswith format casefold
    isdigit isalpha isnumeric zfill find count index join sum mean median min max std round
    astype fillna dropna isna notna isnull notnull unique nunique value_counts values tolist
    to_list items keys get shape dtype size head tail date time year month day hour strftime
    isoformat value number_format font fill border alignment column row coordinate data_type
    quantile abs cumsum shift diff str dt
    """.split()
)
"""Attributes of data: harmless even on a value that was looked up by name at run time."""

HARMLESS_DUNDERS = frozenset(
    """
    __name__ __qualname__ __module__ __class__ __doc__ __version__ __len__ __iter__ __next__
    __getitem__ __setitem__ __delitem__ __contains__ __eq__ __lt__ __le__ __gt__ __ge__ __ne__
    __add__ __radd__ __sub__ __mul__ __truediv__ __floordiv__ __mod__ __pow__ __neg__ __and__
    __or__ __init__ __new__ __post_init__ __str__ __repr__ __format__ __enter__ __exit__
    __aenter__ __aexit__ __aiter__ __anext__ __await__ __call__ __hash__ __bool__ __float__
    __int__ __index__ __abs__ __round__ __members__ __annotations__ __match_args__ __slots__
    __set_name__ __init_subclass__ __class_getitem__ __notes__ __setattr__ __delattr__ __getattr__
    __traceback__ __cause__ __context__ __suppress_context__ __wrapped__ __array_interface__
    __dataclass_fields__ __required_keys__ __optional_keys__
    """.split()
)

ESCAPE_DUNDERS = frozenset(
    """
    __globals__ __builtins__ __import__ __subclasses__ __bases__ __base__ __mro__ __code__
    __closure__ __dict__ __loader__ __spec__ __getattribute__ __reduce__ __reduce_ex__ __self__
    __func__ __class__ __subclasshook__ __kwdefaults__ __defaults__
    """.split()
)
"""Dunder names that code hidden in a string would need; others in a string are data."""

ESCAPE_ATTRIBUTES = frozenset(
    """
    gi_frame gi_code cr_frame cr_code ag_frame ag_code f_globals f_locals f_builtins f_back
    f_code tb_frame tb_next func_globals func_code co_code co_consts mro _ip gi_yieldfrom
    cr_await ag_await
    """.split()
)

FILE_CALLS = frozenset(
    """
    open ExcelFile ExcelWriter Workbook load_workbook CalamineWorkbook HDFStore
    from_path connect save savefig imread imsave load loadtxt genfromtxt fromfile tofile savetxt
    savez savez_compressed memmap glob iglob rglob ZipFile TarFile unpack_archive extractall
    read_text write_text read_bytes write_bytes FileHandler
    """.split()
)
"""Calls whose first argument, or one of `PATH_KEYWORDS`, is a path or a URL."""

PATH_CLASSES = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath"})

TWO_PATH_CALLS = frozenset(
    """
    copy copy2 copyfile copytree move rename replace symlink_to hardlink_to link_to make_archive
    rmtree
    """.split()
)
"""Calls of shutil and pathlib that take a source and a target path."""

PATH_KEYWORDS = frozenset(
    """
    filepath_or_buffer io path path_or_buf path_or_buffer excel_writer fname file filename name
    src dst target buf url
    """.split()
)

READ_PREFIXES = ("read_", "to_")
NO_PATHS = frozenset(
    """
    to_datetime to_numeric to_timedelta to_frame to_dict to_list to_numpy to_period to_records
    to_timestamp to_series to_flat_index to_pydatetime to_string to_tuples to_offset to_thread
    to_rgb to_rgba to_hex to_html
    """.split()
)
"""Calls that begin with `READ_PREFIXES` but whose first argument is not a path."""

READ_DATABASES = frozenset({"read_sql", "read_sql_query", "read_sql_table", "to_sql", "read_gbq"})

ALLOWED_ROOTS = ("/workspace", "/tmp", "/dev/null")  # noqa: S108 (the sandbox's own)

HARMLESS_LINE_MAGICS = frozenset({"time", "timeit"})
LISTING_LINE_MAGICS = frozenset({"pinfo", "precision", "who", "who_ls", "whos"})
"""Magics that print information; their arguments are plain words."""
DRAWING_OPTIONS = "InlineBackend."
"""The options ``%config`` may set; it evaluates the rest of the line as code."""
HARMLESS_CELL_MAGICS = frozenset({"time", "timeit", "capture"})

QUERY_CALLS: dict[str, str] = {"query": "expr", "eval": "expr"}
"""Table methods that evaluate a string → the keyword of that argument."""

MODULE_SINKS = frozenset({"print", "type", "repr", "str", "dir", "help", "id", "hasattr", "len"})
"""Calls that may take a module as an argument."""
