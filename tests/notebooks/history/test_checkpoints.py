"""Checkpoints: made when files changed, each content stored once, deleted with what only they name."""

import io
import json
import os
import time

import pytest

from notebooks.errors import CheckpointNotFound, CheckpointUnreadable
from notebooks.history.blobs import Blobs
from notebooks.history.checkpoints import (
    EMPTY,
    LEAST_BYTES,
    Checkpoints,
    Present,
    Retention,
    make_room,
)
from tests.notebooks.history.contents import present, sha


class Paths:
    """A conversation with checkpoints of several paths."""

    def __init__(self, directory, quota=10**6):
        self.directory = directory
        self.blobs = Blobs(directory / ".blobs", None, quota, 10**6)
        self.blobs.make_room = lambda wanted: make_room(self.blobs, wanted)

    def path(self, name="main", **retention):
        (self.directory / name).mkdir(exist_ok=True)
        return Checkpoints(self.directory / name, self.blobs, Retention(**retention))


@pytest.fixture
def paths(tmp_path):
    return Paths(tmp_path)


def test_a_checkpoint_is_made_once_for_the_same_files(paths):
    main = paths.path()

    first, new = main.add(present(a="one"), turn="t1", cell="c1")
    same, again = main.add(present(a="one"), turn="t2", cell="c2")

    assert (new, again) == (True, False)
    assert same == first
    assert main.matching({"a": sha("one")}) == first.id
    assert main.matching({"a": sha("two")}) is None
    assert [made.cell for made in main.all()] == ["c1"]


def test_a_workspace_without_files_needs_no_checkpoint(paths):
    main = paths.path()

    made, new = main.add(present(), turn="t1")

    assert (made.id, new) == (EMPTY, False)
    assert main.matching({}) == EMPTY
    assert main.get(EMPTY).files == {}
    assert not main.directory.exists()


def test_contents_are_stored_once_for_all_names_and_paths(paths):
    paths.path().add(present(a="same", b="same"), turn="t1")
    paths.path("other").add(present(c="same"), turn="t1")

    assert paths.blobs.names() == [sha("same")]


def test_another_process_reads_what_was_made(paths):
    made, _ = paths.path().add(present(a="one"), turn="t1", cell="c1")

    assert paths.path().get(made.id) == made
    assert paths.path().add(present(a="one"), turn="t2") == (made, False)


def test_a_content_that_another_path_needs_outlives_its_checkpoint(paths):
    main, other = paths.path(), paths.path("other")
    first, _ = main.add(present(a="shared", b="own"), turn="t1")
    other.add(present(a="shared"), turn="t1")

    deleted, freed = main.delete({first.id})

    assert (deleted, freed) == ([first.id], len("own"))
    assert paths.blobs.names() == [sha("shared")]
    with pytest.raises(CheckpointNotFound, match=first.id):
        main.get(first.id)


def test_after_a_deletion_the_next_checkpoint_keeps_everything_again(paths):
    main = paths.path()
    main.add(present(a="one", b="two"), turn="t1")
    main.delete()

    made, new = main.add(present(a="one", b="two"), turn="t2")

    assert new
    assert made.not_kept == {}
    assert len(paths.blobs.names()) == 2


def test_a_branch_inherits_checkpoints_with_their_contents(paths):
    main = paths.path()
    made, _ = main.add(present(a="one"), turn="t1")
    main.add(present(a="two"), turn="t2")
    branch = paths.path("branch")

    main.inherit(branch.directory.parent, {made.id})
    main.delete()

    assert [kept.id for kept in branch.all()] == [made.id]
    assert paths.blobs.names() == [sha("one")]


def test_the_oldest_are_deleted_past_their_number(paths):
    main = paths.path(most=10)

    for number in range(25):
        main.add(present(a=str(number)), turn=f"t{number}")

    kept = [made.turn for made in main.all()]
    assert kept[-1] == "t24"
    assert 9 <= len(kept) <= 10
    assert len(paths.blobs.names()) == len(kept)


def test_the_oldest_are_deleted_past_their_age_but_never_the_newest(paths):
    main = paths.path(days=1)
    main.add(present(a="old"), turn="t1")
    main.add(present(a="older too"), turn="t2")
    long_ago = time.time() - 2 * 86_400
    for file in main.directory.iterdir():
        os.utime(file, (long_ago, long_ago))

    main.add(present(a="new"), turn="t3")

    assert [made.turn for made in main.all()] == ["t3"]


def test_the_oldest_checkpoints_make_room_and_those_that_stay_are_whole(tmp_path):
    paths = Paths(tmp_path, quota=1000)
    main = paths.path()

    for number in range(20):
        main.add(present(base="b" * 100, a=str(number) * 90), turn=f"t{number}")

    kept = list(main.all())
    assert 2 <= len(kept) < 20
    assert kept[-1].turn == "t19"
    for made in kept:
        assert made.not_kept == {}
        assert all(state.sha256 in paths.blobs for state in made.files.values())
    assert sum(file.stat().st_size for file in paths.blobs.directory.iterdir()) <= 1000


def test_a_file_that_can_not_be_kept_is_named_with_the_reason(tmp_path):
    paths = Paths(tmp_path, quota=50)
    files = present(small="s", large="x" * 60)

    def open_file(name):
        if name == "gone":
            raise FileNotFoundError(2, "No such file or directory")
        return files.open(name)

    hashes = {**files.hashes, "huge": "size:300000000", "gone": sha("gone"), "bad": "unreadable"}
    made, _ = paths.path().add(Present(hashes=hashes, sizes={}, open=open_file), turn="t1")

    assert set(made.not_kept) == {"large", "huge", "gone", "bad"}
    assert "TALLYBOOK_FILE_VERSIONS_MB" in made.not_kept["large"]
    assert "200 MB" in made.not_kept["huge"]
    assert "No such file" in made.not_kept["gone"]


def test_a_file_that_could_not_be_kept_is_tried_again(paths):
    main = paths.path()

    def closed(name):
        raise OSError(28, "No space left on device")

    files = present(a="one", b="two")
    first, _ = main.add(Present(hashes=files.hashes, sizes={}, open=closed), turn="t1")
    second, _ = main.add(present(a="one", b="three"), turn="t2")

    assert set(first.not_kept) == {"a", "b"}
    assert second.not_kept == {}


def test_a_damaged_checkpoint_is_named_and_does_not_hide_the_others(paths):
    main = paths.path()
    first, _ = main.add(present(a="one"), turn="t1")
    second, _ = main.add(present(a="two"), turn="t2")
    damaged = next(file for file in main.directory.iterdir() if first.id in file.name)
    damaged.write_text(json.dumps({"id": first.id})[:-3])

    assert [made.id for made in main.all()] == [second.id]
    with pytest.raises(CheckpointUnreadable, match=first.id):
        main.get(first.id)
    assert main.delete()[0] == [first.id, second.id]


@pytest.mark.parametrize("name", ["../x", "ck_", "", "ck_zz", "a/b", "\x00"])
def test_a_name_that_is_no_checkpoint_is_not_found(paths, name):
    with pytest.raises(CheckpointNotFound):
        paths.path().get(name)


def test_contents_that_no_checkpoint_names_go_before_younger_checkpoints(tmp_path):
    paths = Paths(tmp_path, quota=100)
    paths.blobs.keep(sha("x" * 60), io.BytesIO(b"x" * 60))  # of a crash, or not yet named
    main = paths.path()

    main.add(present(a="a" * 50), turn="t1")

    assert paths.blobs.names() == [sha("a" * 50)]


def test_a_content_whose_room_a_later_one_of_the_same_checkpoint_took_is_named(tmp_path):
    main = Paths(tmp_path, quota=100).path()

    made, _ = main.add(present(a="a" * 60, b="b" * 60), turn="t1")

    kept = {name for name, state in made.files.items() if state.sha256 in main._blobs}
    assert set(made.not_kept) == {"a", "b"} - kept


@pytest.mark.parametrize("place", ["checkpoints", "ranges"])
def test_the_files_of_checkpoints_have_a_quota_and_the_oldest_go(tmp_path, place):
    """Each names every file of a workspace: few bytes of contents, but long lists of names."""
    paths = Paths(tmp_path, quota=200_000)
    (tmp_path / "main").mkdir()
    main = Checkpoints(tmp_path / "main", paths.blobs, Retention(), place)
    names = {f"{number:03d}{'n' * 60}": "same" for number in range(60)}

    made = [main.add(present(**names, last=str(n)), turn="t")[0].id for n in range(20)]

    left = [each.id for each in main.all()]
    assert 0 < sum(file.stat().st_size for file in main.directory.iterdir()) <= LEAST_BYTES
    assert left == made[-len(left) :]
    assert 1 < len(left) < 20
    again = Checkpoints(tmp_path / "main", paths.blobs, Retention(), place)
    again.add(present(**names, last="more"), turn="t")
    assert sum(file.stat().st_size for file in main.directory.iterdir()) <= LEAST_BYTES
    assert paths.blobs.names() == sorted(
        {state.sha256 for each in again.all() for state in each.files.values()}
    )
