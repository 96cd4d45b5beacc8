"""The rules, as data."""

from __future__ import annotations

LOW_MODULES = frozenset(
    """
    __future__ abc bisect calendar collections contextlib copy csv dataclasses datetime
    decimal difflib enum fractions functools heapq io itertools json locale math
    matplotlib numbers numpy openpyxl operator pandas pathlib pprint python_calamine random re
    statistics string tempfile textwrap time typing unicodedata uuid warnings xlsxwriter
    zoneinfo dateutil tabulate seaborn
    """.split()
)

NETWORK_MODULES = frozenset(
    """
    aiohttp asyncio boto3 botocore ftplib google http httpcore httpx httpx2 imaplib nntplib paramiko
    poplib requests selenium smtplib ssl telnetlib urllib urllib3 webbrowser websocket
    websockets xmlrpc
    """.split()
)

EXCEL_READERS = frozenset(
    "xlrd xlwt pyxlsb odf ezodf xlwings win32com pyexcel calamine formulas pycel".split()
)

HIGH_MODULES: dict[str, str] = {
    "os": "reaches the operating system; use pathlib for files",
    "posix": "reaches the operating system; use pathlib for files",
    "nt": "reaches the operating system; use pathlib for files",
    "subprocess": "starts other programs",
    "pty": "starts other programs",
    "multiprocessing": "starts other processes",
    "concurrent": "starts other processes",
    "socket": "opens network connections",
    "socketserver": "opens network connections",
    "_socket": "opens network connections",
    "sys": "changes the interpreter itself",
    "ctypes": "calls native code past every check",
    "_ctypes": "calls native code past every check",
    "cffi": "calls native code past every check",
    "importlib": "imports modules past this check",
    "imp": "imports modules past this check",
    "pkgutil": "imports modules past this check",
    "runpy": "runs other code past this check",
    "zipimport": "imports modules past this check",
    "builtins": "hands out eval, exec and __import__",
    "code": "runs strings as code",
    "codeop": "runs strings as code",
    "pickle": "runs code hidden in data; use json, csv or xlsx",
    "_pickle": "runs code hidden in data; use json, csv or xlsx",
    "cloudpickle": "runs code hidden in data; use json, csv or xlsx",
    "dill": "runs code hidden in data; use json, csv or xlsx",
    "joblib": "runs code hidden in data; use json, csv or xlsx",
    "shelve": "runs code hidden in data; use json, csv or xlsx",
    "marshal": "runs code hidden in data; use json, csv or xlsx",
    "gc": "finds every object of the interpreter",
    "inspect": "finds frames and globals of other code",
    "resource": "changes the kernel's limits",
    "signal": "changes how the kernel can be stopped",
    "fcntl": "reaches the operating system",
    "mmap": "reaches the operating system",
    "IPython": "controls the kernel itself",
    "ipykernel": "controls the kernel itself",
    "jupyter_client": "controls the kernel itself",
    "zmq": "controls the kernel itself",
    "inside": "controls the kernel itself",
}

HIGH_NAMES: dict[str, str] = {
    "eval": "runs a string as code",
    "exec": "runs a string as code",
    "compile": "turns a string into code",
    "__import__": "imports modules past this check",
    "__builtins__": "hands out eval, exec and __import__",
    "__loader__": "imports modules past this check",
    "__spec__": "imports modules past this check",
    "globals": "hands out every name, by string",
    "breakpoint": "starts a debugger",
    "get_ipython": "controls the kernel itself",
}

MEDIUM_NAMES: dict[str, str] = {
    "vars": "reaches attributes by string, which this check can't follow",
    "locals": "reaches names by string, which this check can't follow",
    "setattr": "changes objects by attribute name, which this check can't follow",
    "delattr": "changes objects by attribute name, which this check can't follow",
}

HARMLESS_DUNDERS = frozenset(
    """
    __name__ __doc__ __version__ __len__ __iter__ __next__ __getitem__ __contains__ __eq__
    __lt__ __le__ __gt__ __ge__ __ne__ __add__ __sub__ __mul__ __init__ __post_init__ __str__
    __repr__ __enter__ __exit__ __call__ __hash__ __bool__ __float__ __int__ __abs__ __round__
    """.split()
)

ESCAPE_ATTRIBUTES = frozenset(
    """
    gi_frame gi_code cr_frame cr_code ag_frame ag_code f_globals f_locals f_builtins f_back
    f_code tb_frame tb_next func_globals func_code co_code mro _ip
    """.split()
)

PICKLE_CALLS = frozenset({"read_pickle", "to_pickle"})

FILE_CALLS = frozenset(
    """
    open Path PurePath PosixPath ExcelFile ExcelWriter Workbook load_workbook CalamineWorkbook
    from_path save savefig imread imsave load loadtxt genfromtxt fromfile tofile savetxt
    read_text write_text read_bytes write_bytes symlink_to hardlink_to
    """.split()
)

READ_PREFIXES = ("read_", "to_")
READ_DATABASES = frozenset({"read_sql", "read_sql_query", "read_sql_table", "to_sql", "read_gbq"})

URL_PREFIXES = ("http://", "https://", "ftp://", "ftps://", "s3://", "gs://", "file://", "sftp://")
ALLOWED_ROOTS = ("/workspace", "/tmp")  # noqa: S108 (the sandbox's own)

HARMLESS_LINE_MAGICS = frozenset({"time", "timeit"})
HARMLESS_CELL_MAGICS = frozenset({"time", "timeit", "capture"})
