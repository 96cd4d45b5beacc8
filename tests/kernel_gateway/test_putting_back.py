"""Files are put back all together, or stay as they are."""

import hashlib
import io

import pytest

from container.errors import UnsafePath
from kernel_gateway.contexts.open_path import open_path
from kernel_gateway.contexts.putting_back import PLAN, STAGED, StoredPlan, put_files_back, read_plan
from kernel_gateway.ids import PathKey
from notebooks.errors import BlobNotFound
from notebooks.history.blobs import Blobs


def path_in(directory):
    """A path with two files, and the contents they had before."""
    home = directory / "c" / "main"
    home.parent.mkdir(parents=True, exist_ok=True)
    blobs = Blobs(directory / "c" / ".blobs", None, 10**8)
    path = open_path(home, PathKey("t", "c", "main"), None, blobs)
    for name, content in (("a", b"a"), ("b", b"b" * 3_000_000)):
        (path.workspace.directory / "outputs" / name).write_bytes(content)
    return path


def keep(path, content):
    sha256 = hashlib.sha256(content).hexdigest()
    path.blobs.keep(sha256, io.BytesIO(content))
    return sha256


def plan_of(path, write, remove=()):
    before, _ = path.hashes.snapshot(path.workspace)
    return StoredPlan(
        turn="t1", write=write, remove=remove, before=before, text="", facts={}, names=(),
        rebuild=True,
    )  # fmt: skip


def contents(path):
    return {
        file.relative_to(path.workspace.directory).as_posix(): file.read_bytes()[:3]
        for file in path.workspace.directory.rglob("*")
        if file.is_file()
    }


def test_files_are_written_and_removed_and_the_plan_stays_until_it_is_recorded(tmp_path):
    path = path_in(tmp_path)
    plan = plan_of(
        path, {"outputs/a": keep(path, b"old"), "new/c": keep(path, b"c")}, ("outputs/b",)
    )

    put_files_back(path, plan)
    put_files_back(path, plan)  # as a service does that finds the plan

    assert contents(path) == {"outputs/a": b"old", "new/c": b"c"}
    assert read_plan(path, "t1") == plan
    assert read_plan(path, "t2") is None
    assert not (path.home / STAGED).exists()


def test_on_a_full_disk_every_file_stays_as_it_is(small_disk):
    disk = small_disk(12)
    path = path_in(disk)
    plan = plan_of(path, {"outputs/b": keep(path, b"o" * 3_000_000)}, ("outputs/a",))
    with (disk / "filler").open("wb", buffering=0) as out, pytest.raises(OSError, match="No space"):
        while True:
            out.write(bytes(4096))

    with pytest.raises(OSError, match="No space"):
        put_files_back(path, plan)

    assert contents(path) == {"outputs/a": b"a", "outputs/b": b"bbb"}
    assert not (path.home / PLAN).exists()
    assert not (path.home / STAGED).exists()


def test_a_content_that_is_gone_leaves_every_file_as_it_is(tmp_path):
    path = path_in(tmp_path)

    with pytest.raises(BlobNotFound):
        put_files_back(path, plan_of(path, {"outputs/b": "0" * 64}, ("outputs/a",)))

    assert contents(path) == {"outputs/a": b"a", "outputs/b": b"bbb"}


def test_a_file_that_can_not_be_placed_takes_the_others_back(tmp_path):
    path = path_in(tmp_path)
    write = {
        "outputs/b": keep(path, b"old"),
        "outputs/c": keep(path, b"c"),
        "../x": keep(path, b"x"),
    }

    with pytest.raises(UnsafePath):
        put_files_back(path, plan_of(path, write, ("outputs/a",)))

    assert contents(path) == {"outputs/a": b"a", "outputs/b": b"bbb"}
    assert not (path.home / PLAN).exists()


def test_a_plan_that_can_not_be_finished_after_a_restart_is_taken_back(tmp_path):
    path = path_in(tmp_path)
    old = keep(path, b"old")
    plan = plan_of(path, {"outputs/a": old, "outputs/b": old})
    put_files_back(path, plan)
    (path.workspace.directory / "outputs" / "b").write_bytes(b"b" * 3_000_000)  # half is done
    path.blobs.discard({old})

    with pytest.raises(BlobNotFound):
        put_files_back(path, plan)

    assert contents(path) == {"outputs/a": b"a", "outputs/b": b"bbb"}
    assert not (path.home / PLAN).exists()
