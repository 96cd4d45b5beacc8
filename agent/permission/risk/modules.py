"""Modules and their members, as data: which are safe, need permission, or never run.

The list of low modules is an allow list. A module reached *through* a low one
(``pandas.io.common.os``) is judged by its own name, see `agent.permission.risk.assess`.
"""

from __future__ import annotations

LOW_MODULES = frozenset(
    """
    __future__ abc array asyncio base64 binascii bisect bz2 calendar chardet charset_normalizer
    cmath codecs collections colorsys concurrent configparser contextlib contextvars copy csv
    dataclasses dateutil datetime decimal difflib enum errno et_xmlfile fnmatch fractions functools
    gc glob graphlib gzip hashlib heapq hmac html io itertools json keyword locale logging lxml lzma
    math matplotlib mpl_toolkits numbers numpy numpy_financial odf openpyxl operator pandas pathlib
    PIL platform pprint pyarrow python_calamine pyxlsb queue random re reprlib scipy seaborn secrets
    sched stat statistics statsmodels string stringprep struct tabulate tarfile tempfile textwrap
    threading time timeit token tokenize traceback tqdm typing typing_extensions tzdata types
    unicodedata uuid warnings weakref workbooks xlrd xlsxwriter xml zipfile zlib zoneinfo shutil
    sqlite3
    """.split()
)
"""Top-level modules that need no permission, with their submodules except `HELD_BACK`."""

CONVENTIONAL = {
    "pd": "pandas", "np": "numpy", "plt": "matplotlib.pyplot", "sns": "seaborn",
    "pandas": "pandas", "numpy": "numpy", "matplotlib": "matplotlib", "scipy": "scipy",
    "openpyxl": "openpyxl", "xlsxwriter": "xlsxwriter", "pathlib": "pathlib",
}  # fmt: skip
"""The assumed module of a name that the cell does not bind: an earlier cell imported it."""

NETWORK_MODULES = frozenset(
    """
    aiohttp boto3 botocore ftplib google http httpcore httpx httpx2 imaplib nntplib paramiko
    poplib requests selenium smtplib ssl telnetlib urllib urllib3 webbrowser websocket
    websockets xmlrpc fsspec s3fs gcsfs
    """.split()
)

EXCEL_READERS = frozenset("xlwt ezodf xlwings win32com pyexcel calamine formulas pycel".split())

_RUNS_DATA = "runs code hidden in data; use json, csv or xlsx"
_STARTS = "starts other programs"
_KERNEL = "controls the kernel itself"
_OBJECTS = "finds every object of the interpreter"
_SYSTEM = "reaches the operating system"

HIGH_MODULES: dict[str, str] = {
    "os": f"{_SYSTEM}; use pathlib for files",
    "posix": f"{_SYSTEM}; use pathlib for files",
    "nt": f"{_SYSTEM}; use pathlib for files",
    "subprocess": _STARTS,
    "posixsubprocess": _STARTS,
    "pexpect": _STARTS,
    "pty": _STARTS,
    "multiprocessing": "starts other processes",
    "socket": "opens network connections",
    "socketserver": "opens network connections",
    "sys": "changes the interpreter itself",
    "ctypes": "calls native code past every check",
    "cffi": "calls native code past every check",
    "cffi_backend": "calls native code past every check",
    "importlib": "imports modules past this check",
    "imp": "imports modules past this check",
    "pkgutil": "imports modules past this check",
    "runpy": "runs other code past this check",
    "zipimport": "imports modules past this check",
    "builtins": "hands out eval, exec and __import__",
    "bltns": "hands out eval, exec and __import__",
    "code": "runs strings as code",
    "codeop": "runs strings as code",
    "pdb": "runs strings as code",
    "bdb": "runs other code past this check",
    "cProfile": "runs strings as code",
    "profile": "runs strings as code",
    "trace": "runs strings as code",
    "doctest": "runs strings as code",
    "pickle": _RUNS_DATA,
    "cloudpickle": _RUNS_DATA,
    "dill": _RUNS_DATA,
    "joblib": _RUNS_DATA,
    "shelve": _RUNS_DATA,
    "marshal": _RUNS_DATA,
    "inspect": "finds frames and globals of other code",
    "resource": "changes the kernel's limits",
    "signal": "changes how the kernel can be stopped",
    "fcntl": _SYSTEM,
    "mmap": _SYSTEM,
    "pwd": _SYSTEM,
    "site": "changes the interpreter itself",
    "IPython": _KERNEL,
    "ipykernel": _KERNEL,
    "jupyter_client": _KERNEL,
    "zmq": _KERNEL,
    "inside": _KERNEL,
}
"""Modules that never run. Names are looked up without leading underscores: ``_socket``."""

NAMESAKES = frozenset("numpy.trace numpy.linalg.trace numpy.ma.trace scipy.signal scipy.io".split())
"""Parts of libraries with the same name as a standard library module."""

UNMISTAKABLE = frozenset(
    """
    os posix subprocess socket sys ctypes importlib builtins runpy pickle multiprocessing
    _os _sys _socket _posixsubprocess _pickle _importlib cffi
    """.split()
)
"""Names that almost always mean the module, also as an attribute of any object."""

HELD_BACK: dict[str, str] = {
    "asyncio.subprocess": _STARTS,
    "asyncio.unix_events": _STARTS,
    "concurrent.futures.process": "starts other processes",
    "logging.config": "runs code named in a configuration",
    "matplotlib.sphinxext": _STARTS,
    "matplotlib.testing": _STARTS,
    "matplotlib.texmanager": _STARTS,
    "numpy.ctypeslib": "calls native code past every check",
    "numpy.distutils": _STARTS,
    "numpy.f2py": _STARTS,
    "numpy.lib.npyio": _RUNS_DATA,
    "pandas.compat": "imports modules past this check",
    "pandas.io.clipboard": _STARTS,
    "pandas.io.pickle": _RUNS_DATA,
    "scipy.weave": _STARTS,
    "tqdm.cli": _STARTS,
    "statsmodels.iolib.smpickle": _RUNS_DATA,
    "xml.sax.saxutils.os": _SYSTEM,
}
"""Parts of low modules that never run."""

_CODE_TEXT = ("dynamic-access", "runs strings as code, which this check can't follow")
ASKING_MEMBERS: dict[str, tuple[str, str]] = {
    **{
        f"logging.handlers.{name}": ("network-library", "sends what is logged over the network")
        for name in "SocketHandler DatagramHandler SysLogHandler SMTPHandler HTTPHandler".split()
    },
    "xml.sax": ("network-library", "may read external entities"),
    "tqdm.contrib": ("network-library", "may send messages over the network"),
    "timeit.Timer": _CODE_TEXT,
    "timeit.repeat": _CODE_TEXT,
    "timeit.timeit": _CODE_TEXT,
    "asyncio.open_connection": ("network-library", "opens network connections"),
    "asyncio.start_server": ("network-library", "opens network connections"),
}
"""Parts of low modules that need permission: rule and reason."""

HARMLESS_MEMBERS = frozenset(
    {
        "IPython.core.autocall.ExitAutocall",
        "IPython.core.display",
        "IPython.display",
        "sys.getsizeof",
        "urllib.parse",
    }
)
"""Members of modules outside the allow list that need no permission, nor do their members."""

FORBIDDEN_MEMBERS: dict[str, str] = {
    "asyncio.create_subprocess_exec": _STARTS,
    "asyncio.create_subprocess_shell": _STARTS,
    "concurrent.futures.ProcessPoolExecutor": "starts other processes",
    **{
        f"matplotlib.animation.{name}": f"{_STARTS}; use PillowWriter"
        for name in "FFMpegWriter FFMpegFileWriter ImageMagickWriter ImageMagickFileWriter".split()
    },
    "gc.get_objects": _OBJECTS,
    "gc.get_referents": _OBJECTS,
    "gc.get_referrers": _OBJECTS,
    "numpy.load_library": "calls native code past every check",
    "numpy.testing.measure": "runs strings as code",
    "numpy.testing.rundocs": "runs strings as code",
    "numpy.testing.runstring": "runs strings as code",
    "pandas.test": _STARTS,
    "threading.setprofile": "runs other code past this check",
    "threading.settrace": "runs other code past this check",
    "timeit.main": "runs strings as code",
    "types.CodeType": "builds code past this check",
    "typing.ForwardRef": "runs a string as code",
    "typing_extensions.ForwardRef": "runs a string as code",
}
"""Members of low modules that never run, however the cell refers to them."""

FORBIDDEN_ATTRIBUTES: dict[str, str] = {
    "read_pickle": f"{_RUNS_DATA}",
    "to_pickle": f"{_RUNS_DATA}",
    "runstring": "runs strings as code",
    "rundocs": "runs strings as code",
    "get_type_hints": "runs strings as code",
    "evaluate_forward_ref": "runs strings as code",
    "get_field": "reaches attributes by string, which this check can't follow",
    "from_custom_template": "runs a template's code",
    "create_subprocess_exec": _STARTS,
    "create_subprocess_shell": _STARTS,
    "subprocess_exec": _STARTS,
    "subprocess_shell": _STARTS,
    "ProcessPoolExecutor": "starts other processes",
    "import_module": "imports modules past this check",
    "import_optional_dependency": "imports modules past this check",
    "exec_module": "imports modules past this check",
    "load_module": "imports modules past this check",
    "find_spec": "imports modules past this check",
    "fork_exec": _STARTS,
    "load_library": "calls native code past every check",
    "addaudithook": "changes the interpreter itself",
    "Popen": _STARTS,
    "popen": _STARTS,
    "check_output": _STARTS,
    "check_call": _STARTS,
    "getoutput": _STARTS,
    "getstatusoutput": _STARTS,
    "forkpty": _STARTS,
    "posix_spawn": _STARTS,
    "run_line_magic": _KERNEL,
    "run_cell_magic": _KERNEL,
    "run_cell": _KERNEL,
    "run_code": _KERNEL,
    "user_ns": _KERNEL,
    "user_global_ns": _KERNEL,
}
"""Attributes that never run, on any object."""

FORBIDDEN_CALLS = frozenset("system execv execve execvp execl execlp spawnl spawnv fork".split())
"""Methods that may not be called; as a name of a column or variable they are harmless."""
