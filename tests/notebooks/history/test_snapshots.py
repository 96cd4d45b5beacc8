"""Snapshots are kept within limits, belong to a path and its cells, and are checked when read."""

import os
import time

import pytest

from container.inside.snapshot_wire import CHUNK_BYTES as KERNELS_CHUNK_BYTES
from container.kernel.snapshots import Digest
from notebooks.errors import BlobDamaged, SealingKeyMissing
from notebooks.history.needed import needed_cells, uses_latest
from notebooks.history.sealing import SealingKeys
from notebooks.history.snapshots import CHUNK_BYTES, SnapshotLimits, Snapshots, owner_of

OWNER = owner_of("acme", "conv_1", "main")
LIMITS = SnapshotLimits(most_bytes=50_000_000, path_bytes=50_000_000, most=3)


def snapshots(home, limits=LIMITS, owner=OWNER, keys=None):
    home.mkdir(exist_ok=True)
    return Snapshots(home, owner, limits, keys)


def content(number, size=100_000):
    return bytes([number]) * size


def keep(kept, data):
    digest = Digest()
    digest.update(data)
    name = digest.hexdigest()
    kept.keep(name, iter([data[: len(data) // 2], data[len(data) // 2 :]]))
    return name, len(data)


def add(kept, cells, number=1, size=100_000):
    return kept.add(cells, 1.0, [keep(kept, content(number, size))], {"names": []})


def read(kept, made):
    with kept.opened(made) as files:
        return [
            os.pread(file, size, 0) for file, (_, size) in zip(files, made.segments, strict=True)
        ]


def test_the_nearest_snapshot_is_that_of_most_of_the_same_cells(tmp_path):
    kept = snapshots(tmp_path)
    for cells in (["a"], ["a", "b"], ["a", "x", "c"]):
        add(kept, cells)

    assert kept.nearest(["a", "b", "c"]).last == "b"
    assert kept.nearest(["a", "x", "c", "d"]).last == "c"
    assert kept.nearest(["a"]).last == "a"
    assert kept.nearest(["b", "a"]) is None


@pytest.mark.parametrize("keys", [None, SealingKeys([b"k" * 32])])
@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 5])
def test_a_segment_is_read_as_it_was_written(tmp_path, keys, size):
    made = add(snapshots(tmp_path, keys=keys), ["a"], 7, size)

    assert read(snapshots(tmp_path, keys=keys), made) == [content(7, size)]
    assert CHUNK_BYTES == KERNELS_CHUNK_BYTES


@pytest.mark.parametrize("same_process", [True, False])
def test_a_segment_that_was_replaced_cut_or_written_is_refused(tmp_path, same_process):
    for number, damage in enumerate((replaced, cut, written, removed)):
        home = tmp_path / str(number)
        kept = snapshots(home)
        made = add(kept, ["a"])
        damage(kept.directory / made.segments[0][0])

        with pytest.raises(BlobDamaged):
            read(kept if same_process else snapshots(home), made)


def replaced(file):
    other = file.with_name("other")
    other.write_bytes(content(2))
    other.replace(file)


def cut(file):
    os.truncate(file, 10)


def written(file):
    before = file.stat().st_mtime_ns
    with file.open("r+b") as opened:
        opened.seek(50)
        opened.write(b"?")
    os.utime(file, ns=(before, before))


def removed(file):
    file.unlink()


def test_sealed_segments_need_their_key(tmp_path):
    made = add(snapshots(tmp_path, keys=SealingKeys([b"k" * 32])), ["a"])

    with pytest.raises(SealingKeyMissing):
        read(snapshots(tmp_path), made)


def test_a_record_of_another_path_or_that_was_changed_is_none(tmp_path):
    kept = snapshots(tmp_path)
    add(kept, ["a"])
    assert snapshots(tmp_path, owner=owner_of("rival", "conv_1", "main")).known() == []
    [record] = kept.directory.glob("*.json")
    record.write_bytes(record.read_bytes().replace(b'"count":1', b'"count":0'))

    assert kept.known() == []
    assert kept.nearest(["a"]) is None


def test_a_branch_has_its_paths_snapshots_and_keeps_them_when_the_path_loses_them(tmp_path):
    kept, owner = snapshots(tmp_path / "main"), owner_of("acme", "conv_1", "what-if")
    made = add(kept, ["a"])
    branch = snapshots(tmp_path / "what-if", owner=owner)
    kept.inherit(tmp_path / "what-if", owner)

    kept.drop(made)

    assert kept.known() == []
    assert read(branch, branch.nearest(["a", "b"])) == [content(1)]


def test_the_oldest_go_past_number_age_and_room_and_their_segments_with_them(tmp_path):
    kept = snapshots(tmp_path / "number")
    for number in range(5):
        add(kept, ["a"] * (number + 1), number)
    assert [made.count for made in kept.known()] == [5, 4, 3]
    assert kept.size() < 4 * 100_000

    kept = snapshots(tmp_path / "room", SnapshotLimits(most_bytes=10**6, path_bytes=250_000))
    for number in range(4):
        add(kept, ["a"] * (number + 1), number)
    assert [made.count for made in kept.known()] == [4, 3]

    kept = snapshots(tmp_path / "age", SnapshotLimits(most_bytes=10**6, path_bytes=10**6, days=1))
    add(kept, ["a"], 1)
    [old] = kept.directory.glob("*.json")
    os.utime(old, (time.time() - 90_000,) * 2)
    add(kept, ["a", "b"], 2)
    assert [made.count for made in kept.known()] == [2]


def test_a_segment_that_two_snapshots_have_is_kept_once_and_until_both_are_gone(tmp_path):
    kept = snapshots(tmp_path)
    first, second = add(kept, ["a"]), add(kept, ["a", "b"])
    assert len(list(kept.directory.iterdir())) == 3

    kept.drop(first)

    assert read(kept, second) == [content(1)]


def test_what_a_killed_service_left_is_removed_with_the_next_snapshot(tmp_path):
    kept = snapshots(tmp_path)
    add(kept, ["a"])
    keep(kept, content(9))
    (kept.directory / "0011.part").write_bytes(b"half")

    add(kept, ["a", "b"], 2)

    assert len(list(kept.directory.iterdir())) == 4


def test_a_content_that_ends_in_an_error_is_not_kept(tmp_path):
    def pieces():
        yield b"half"
        raise ConnectionError("the kernel ended")

    kept = snapshots(tmp_path)
    with pytest.raises(ConnectionError):
        kept.keep("0" * 64, pieces())

    assert list(kept.directory.iterdir()) == []
    assert "0" * 64 not in kept


def test_only_cells_that_what_is_missing_needs_run_before_a_snapshot_is_read():
    cells = [
        "import pandas as pd, logging",
        "frame = pd.DataFrame({'a': [1]})",
        "top = 3",
        "numbers = (n for n in range(top))",
        "frame['b'] = 2\nframe.columns = ['a', 'c']",
        "print(frame)\nnext(numbers)",
        "for _ in range(3): pass",
    ]

    assert needed_cells(cells, {}) == []
    assert needed_cells(cells, {"numbers"}) == [0, 1, 2, 3, 4, 5]
    assert needed_cells(cells[:4], {"numbers"}) == [2, 3]
    assert needed_cells(["print(len('a'))", "g = iter([len('ab')])"], {"g"}) == [1]
    assert needed_cells([*cells[:3], "pd.DataFrame.total = len"], ()) == [0, 3]
    assert needed_cells([*cells[:3], "logging.basicConfig(level=10)"], ()) == [0, 3]
    assert needed_cells(["x = 1", "%matplotlib inline"], ()) == [1]
    assert needed_cells(["x = 1", "this is no Python"], ()) == [1]
    assert needed_cells(["import pandas as pd", "pd.options.display.width = 5"], ()) == []
    assert needed_cells(["import calendar as c", "x = 1", "c.setfirstweekday(6)"], ()) == [0, 2]
    assert needed_cells(["import os, numpy as np", "os.makedirs('a')\nnp.random.seed(1)"], ()) == []


@pytest.mark.parametrize("source", ["_ + 1", "Out[2]", "x = _3", "In[-1]", "__"])
def test_a_cell_that_uses_earlier_results_by_number_is_known(source):
    assert uses_latest(["x = 1", source])
    assert not uses_latest(["for _ in range(3): print(_)", "_tmp = 1\n_tmp"])
