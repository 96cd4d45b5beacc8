"""Saves by openpyxl that keep the parts it does not know (see `carry`).

A workbook remembers the file it was read from. When it is saved, what openpyxl dropped is put
back. What can't be put back is printed in the cell's output.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..structure.package_changes import Change
from ..tie_out.journal import note_opened
from . import merged_cells

KEPT = (".xlsx", ".xlsm", ".xltx", ".xltm")
WARNED = (".* extension is not supported and will be removed", ".* so the image is being dropped")
"""Openpyxl's warnings of parts that it does not write."""
SAVING = ".save-"
CHANGES = "_changes_of_structure"
"""Where a workbook keeps what was inserted, deleted and renamed: a sheet's id and a `Change`."""


@dataclass(slots=True)
class _SheetAsRead:
    """A sheet as it was read: name, descriptions of charts and pictures, comments by cell."""

    title: str
    drawn: list[str]
    comments: dict[str, tuple[str, str]]


@dataclass(slots=True)
class _CopyAsMade:
    """A sheet that was copied from one that was read, as it was then.

    Attributes:
        made: The copy, and the sheet that was read.
        drawn: Descriptions of the copy's charts and pictures.
        whole: The drawing of the sheet was as it was read.
        changes: How many changes of structure had been made.
    """

    made: tuple[Any, Any]
    drawn: list[str]
    whole: bool
    changes: int


@dataclass(slots=True)
class _Origin:
    """The file a workbook was read from, held open: a save to the same name replaces it."""

    file: IO[bytes]
    size_and_time: tuple[int, int]
    sheets: dict[int, _SheetAsRead] = field(default_factory=dict)
    copies: dict[int, _CopyAsMade] = field(default_factory=dict)

    def __deepcopy__(self, memo: object) -> None:
        """A copy of the workbook has other objects: it is saved as openpyxl saves it."""


def install() -> None:
    """Let `openpyxl.load_workbook` and `Workbook.save` keep parts, in this process."""
    import openpyxl
    from openpyxl.reader import excel
    from openpyxl.workbook.workbook import Workbook

    load, save = excel.load_workbook, Workbook.save

    def load_and_remember(filename: Any, *args: Any, **options: Any) -> Any:
        with _without_warnings_of_what_is_kept(filename):
            book = load(filename, *args, **options)
        note_opened(filename)
        _share_pivot_caches(book)
        if not book.read_only:
            with contextlib.suppress(OSError, AttributeError, TypeError, ValueError):
                book.__dict__["_origin"] = _origin_of(book, filename)
        return book

    def save_and_keep(self: Any, filename: Any) -> None:
        origin = self.__dict__.get("_origin")
        if origin is None:
            save(self, filename)
        else:
            _save_from(self, origin, filename, save)

    merged_cells.install()
    openpyxl.load_workbook = excel.load_workbook = load_and_remember
    Workbook.save = save_and_keep


def _share_pivot_caches(book: Any) -> None:
    """Let pivot tables of several sheets that have one cache share it.

    openpyxl reads a cache anew for each sheet, takes the second one for written when it saves, and
    relates its pivot table to the first cache of the workbook: to other data.
    """
    caches: dict[Any, Any] = {}
    for sheet in book._sheets:
        for pivot in getattr(sheet, "_pivots", ()):
            pivot.cache = caches.setdefault(pivot.cacheId, pivot.cache)


@contextlib.contextmanager
def _without_warnings_of_what_is_kept(filename: Any) -> Iterator[None]:
    """Leave out openpyxl's warnings that it will remove parts: they are put back, or named."""
    with warnings.catch_warnings():
        if (name := _name(filename)) is not None and name.suffix.lower() in KEPT:
            for message in WARNED:
                warnings.filterwarnings("ignore", message=message, category=UserWarning)
        yield


def _origin_of(book: Any, filename: Any) -> _Origin | None:
    name = _name(filename)
    if name is None or name.suffix.lower() not in KEPT:
        return None
    file = name.open("rb")
    weakref.finalize(book, file.close)
    found = os.fstat(file.fileno())
    origin = _Origin(file, (found.st_size, found.st_mtime_ns))
    if book.chartsheets:
        _hide_chartsheets(book, name)
    for sheet in book._sheets:
        origin.sheets[id(sheet)] = _SheetAsRead(sheet.title, _drawn(sheet), _comments(sheet))
    return origin


def _hide_chartsheets(book: Any, name: Path) -> None:
    """Give chartsheets the state that openpyxl does not read: hidden ones would be shown."""
    from ..values import Unreadable
    from .opc import EditablePackage, parse
    from .workbook_parts import workbook_part

    with contextlib.suppress(Unreadable), EditablePackage(name) as package:
        sheets = parse(package.read(workbook_part(package))).iter("{*}sheet")
        states = {each.get("name"): each.get("state", "visible") for each in sheets}
        for sheet in book.chartsheets:
            sheet.sheet_state = states.get(sheet.title, "visible")


def _name(file: Any) -> Path | None:
    """Return the name of a file that is named or open; pandas passes an open one."""
    if isinstance(file, str | os.PathLike):
        return Path(file)
    named = getattr(file, "name", None)
    if not isinstance(named, str | os.PathLike):
        return None
    try:
        same = os.path.samestat(os.fstat(file.fileno()), Path(named).stat())
    except (OSError, AttributeError, ValueError):
        return None  # a member of a zip file has a name too
    return Path(named) if same else None


def _drawn(sheet: Any) -> list[str]:
    """Describe charts and pictures in the order in which openpyxl writes them."""
    pictures = [
        f"{id(each)} {id(each.ref)} {_described(each.anchor)}"
        for each in getattr(sheet, "_images", ())
    ]
    return [*(f"{id(each)} {_described(each)}" for each in sheet._charts), *pictures]


def _described(value: Any, within: tuple[int, ...] = ()) -> str:
    """Describe an object of openpyxl by its attributes: some have a `repr` that raises."""
    if id(value) in within:  # some name themselves
        return "…"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_described(each, within) for each in value)}]"
    if not hasattr(value, "__elements__"):
        return repr(value)
    within = (*within, id(value))
    attributes = (f"{name}={_described(of, within)}" for name, of in vars(value).items())
    return f"{type(value).__name__}({', '.join(attributes)})"


def _comments(sheet: Any) -> dict[str, tuple[str, str]]:
    cells = (c for c in getattr(sheet, "_cells", {}).values() if getattr(c, "_comment", None))
    return {cell.coordinate: (cell.comment.text, cell.comment.author) for cell in cells}


def _pairs(book: Any, origin: _Origin, drawn: dict[int, list[str]]) -> list[Any]:
    """Return what code did with each sheet that was read and is still there.

    Args:
        book: The workbook.
        origin: What was read.
        drawn: `_drawn` of each sheet, by the sheet's id.
    """
    from .carry import SheetPair

    pairs = []
    for sheet in book._sheets:
        if (read := origin.sheets.get(id(sheet))) is None:
            continue
        now = drawn[id(sheet)]
        added = tuple(place for place, each in enumerate(now) if each not in read.drawn)
        same = set(read.drawn) <= set(now)
        drawings = "changed" if not same else "added" if added else "same"
        comments = _comments(sheet) == read.comments
        pairs.append(SheetPair(read.title, sheet.title, drawings, added, comments))  # type: ignore[arg-type]
    return pairs


def remember_copy(sheet: Any, made: Any) -> None:
    """Remember that *made* is a copy of *sheet*, so that a save keeps its parts too."""
    origin = made.parent.__dict__.get("_origin")
    if origin is None:
        return
    former = origin.copies.get(id(sheet))
    root = former.made[1] if former else sheet
    if (read := origin.sheets.get(id(root))) is None:
        return
    drawn = _drawn(sheet)
    whole = former.whole and drawn == former.drawn if former else drawn == read.drawn
    changes = len(made.parent.__dict__.get(CHANGES, ()))
    if former and _shifted(made.parent, sheet, former.changes):
        return
    origin.copies[id(made)] = _CopyAsMade((made, root), _drawn(made), whole, changes)


def _shifted(book: Any, sheet: Any, since: int) -> bool:
    """Whether rows or columns were inserted into a sheet, or deleted, after *since* changes."""
    made = book.__dict__.get(CHANGES, ())[since:]
    return any(each == id(sheet) and hasattr(change, "axis") for each, change in made)


def _copied_pairs(book: Any, origin: _Origin, drawn: dict[int, list[str]]) -> list[Any]:
    """Return the sheets that are copies of sheets that were read, and can get their parts."""
    from .carry import SheetPair

    pairs = []
    for sheet in book._sheets:
        copy = origin.copies.get(id(sheet))
        if copy is None or any(_shifted(book, each, copy.changes) for each in copy.made):
            continue
        same = copy.whole and drawn[id(sheet)] == copy.drawn
        title = origin.sheets[id(copy.made[1])].title
        pairs.append(SheetPair(title, sheet.title, "same" if same else "changed", comments=False))
    return pairs


def _save_from(book: Any, origin: _Origin, filename: Any, save: Any) -> None:
    """Save beside *filename*, put back what was dropped, then move it there."""
    is_name = isinstance(filename, str | os.PathLike)
    name = _name(filename) or Path("workbook.xlsx")
    try:
        room = _room(name.parent if is_name else None)
    except OSError:
        save(book, filename)
        print(f"Workbook {name}: no room to keep its parts: they are lost.")  # noqa: T201
        return
    with room as directory:
        written, kept = Path(directory, "written.xlsx"), Path(directory, "kept.xlsx")
        drawn = {id(each): _drawn(each) for each in book._sheets}
        pairs = _pairs(book, origin, drawn)
        copies = _copied_pairs(book, origin, drawn)
        save(book, written)
        _describe_again(book, origin, drawn)
        ready = kept if _kept(book, origin, written, kept, (pairs, copies), name) else written
        if is_name:
            _replace(ready, name)
        else:
            with ready.open("rb") as file:
                shutil.copyfileobj(file, filename)


def _room(beside: Path | None) -> contextlib.AbstractContextManager[str]:
    """Return a new directory *beside* the result, or where temporary files are.

    Raises:
        OSError: Neither takes one.
    """
    if beside is not None:
        with contextlib.suppress(OSError):
            _remove_left_over(beside)
            return _used(*_new_room(beside))
    return _used(*_new_room(None))


def _new_room(beside: Path | None) -> tuple[str, int]:
    """Make and lock a directory: one without a lock is left over from a killed save.

    Another save may take a new one for such, and remove it before it is locked: then one more is
    made.
    """
    while True:
        directory = tempfile.mkdtemp(dir=beside, prefix=SAVING)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        with contextlib.suppress(FileNotFoundError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), Path(directory).stat()):
                return directory, descriptor
        os.close(descriptor)


@contextlib.contextmanager
def _used(directory: str, descriptor: int) -> Iterator[str]:
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(descriptor)


def _remove_left_over(within: Path) -> None:
    for left in within.glob(f"{SAVING}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # else it is being used
                shutil.rmtree(left)
            finally:
                os.close(descriptor)


def _describe_again(book: Any, origin: _Origin, before: dict[int, list[str]]) -> None:
    """Describe what was read anew: openpyxl changes charts and pictures when it saves them."""
    for sheet in book._sheets:
        read, was = origin.sheets.get(id(sheet)), before[id(sheet)]
        if read is not None:
            now = dict(zip(was, _drawn(sheet), strict=False))
            read.drawn = [now.get(each, each) for each in read.drawn]
        if (copy := origin.copies.get(id(sheet))) is not None:
            now = dict(zip(was, _drawn(sheet), strict=False))
            copy.drawn = [now.get(each, each) for each in copy.drawn]


@contextlib.contextmanager
def keeping_what_was_read(book: Any) -> Iterator[None]:
    """Let what moves within count as it was read: charts, pictures and comments of *book*."""
    origin = book.__dict__.get("_origin")
    if origin is None:
        yield
        return
    drawn = {id(each): _drawn(each) for each in book._sheets}
    same = [
        (sheet, read)
        for sheet in book._sheets
        if (read := origin.sheets.get(id(sheet))) and _comments(sheet) == read.comments
    ]
    yield
    _describe_again(book, origin, drawn)
    for sheet, read in same:
        read.comments = _comments(sheet)


def _kept(
    book: Any,
    origin: _Origin,
    written: Path,
    kept: Path,
    sheets: tuple[list[Any], list[Any]],
    name: Path,
) -> bool:
    """Write the workbook with its parts to *kept*; print what is lost, or why nothing is kept."""
    from ..values import Unreadable
    from .carry import carry_over
    from .parts import lost, lost_of_copies, said

    pairs, copies = sheets
    found = os.fstat(origin.file.fileno())
    if (found.st_size, found.st_mtime_ns) != origin.size_and_time:
        print(  # noqa: T201
            f"Workbook {name}: the file it was read from has changed since: charts and other "
            "parts that openpyxl does not write could not be kept."
        )
        return False
    try:
        done = carry_over(
            origin.file,
            written,
            pairs,
            kept,
            suffix=name.suffix,
            changes=_changes(book, origin),
            copies=copies,
        )
        result = kept if done else written
        missing = lost(origin.file, result, {pair.before: pair.after for pair in pairs})
        titles = {id(sheet): sheet.title for sheet in book._sheets}
        made = [
            (origin.sheets[id(copy.made[1])].title, titles[copied])
            for copied, copy in origin.copies.items()
            if copied in titles
        ]
        not_copied = lost_of_copies(origin.file, result, made)
    except Unreadable as problem:
        print(f"Workbook {name}: its parts could not be kept: {problem}")  # noqa: T201
        return False
    if missing:
        print(f"Workbook {name}: lost in saving: {said(missing)}.")  # noqa: T201
    for (before, after), each in not_copied.items():
        print(  # noqa: T201
            f"Workbook {name}: sheet {after!r} is a copy of {before!r} without {said(each)}: "
            "make them anew, or say so."
        )
    return done


def _changes(book: Any, origin: _Origin) -> list[Change]:
    """Return what was inserted, deleted and renamed in sheets that were read, in order."""
    made = book.__dict__.get(CHANGES, ())
    return [change for sheet, change in made if sheet in origin.sheets]


def _replace(ready: Path, name: Path) -> None:
    """Move *ready* to *name*, with the permissions that a new file has there."""
    if name.is_symlink() or (name.exists() and not name.is_file()):
        shutil.copyfile(ready, name)
        return
    mode = name.stat().st_mode & 0o777 if name.exists() else 0o666 & ~_umask()
    ready.chmod(mode)
    try:
        ready.replace(name)
    except OSError:  # on another disk, or the directory takes no new names
        shutil.copyfile(ready, name)


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
