"""Files of a workspace are replaced and removed without leaving it, whatever code has put there."""

import os
from pathlib import Path

import pytest

from container.errors import UnsafePath
from container.workspace.copy import new_file
from container.workspace.replace import put_file, remove_file


@pytest.fixture
def outside(tmp_path):
    """A directory that no kernel reaches."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret.txt").write_text("secret")
    return place


def put(workspace, outside, name, text="new"):
    with new_file(outside, "staged", workspace.uid) as file:
        file.write(text.encode())
    put_file(workspace, name, outside / "staged")


def read(workspace, name):
    with workspace.open_read(name) as file:
        return file.read().decode()


@pytest.mark.parametrize("name", ["outputs/a.txt", "a.txt", "outputs/deep/er/a.txt"])
def test_a_file_is_put_where_it_belongs_and_removed_with_what_it_leaves_empty(
    workspace, outside, name
):
    put(workspace, outside, name, "old")
    put(workspace, outside, name)
    assert read(workspace, name) == "new"

    remove_file(workspace, name)
    remove_file(workspace, name)

    assert workspace.files() == []
    assert sorted(os.listdir(workspace.directory)) == ["inputs", "outputs"]
    assert os.listdir(workspace.directory / "outputs") == []


def test_a_directory_or_a_link_in_the_way_is_moved_away(workspace, outside):
    outputs = workspace.directory / "outputs"
    (outputs / "a.txt").mkdir()
    (outputs / "a.txt" / "b").write_text("in the way")
    (outputs / "d").symlink_to(outside)

    put(workspace, outside, "outputs/a.txt")
    put(workspace, outside, "outputs/d/secret.txt")

    assert read(workspace, "outputs/a.txt") == "new"
    assert read(workspace, "outputs/d/secret.txt") == "new"
    assert os.listdir(outside) == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == "secret"


def test_a_link_to_a_file_is_replaced_and_its_target_stays(workspace, outside):
    (workspace.directory / "outputs" / "a.txt").symlink_to(outside / "secret.txt")

    put(workspace, outside, "outputs/a.txt")

    assert read(workspace, "outputs/a.txt") == "new"
    assert (outside / "secret.txt").read_text() == "secret"


def test_nothing_is_removed_through_a_link(workspace, outside):
    (workspace.directory / "outputs").rmdir()
    (workspace.directory / "outputs").symlink_to(outside)

    remove_file(workspace, "outputs/secret.txt")

    assert (outside / "secret.txt").read_text() == "secret"


@pytest.mark.parametrize("name", ["../outside/x", "/etc/x", "a/../../x", ""])
def test_a_name_that_leaves_the_workspace_is_refused(workspace, outside, name):
    with pytest.raises(UnsafePath):
        put(workspace, outside, name)
    with pytest.raises(UnsafePath):
        remove_file(workspace, name)
    assert sorted(path.name for path in Path(outside).iterdir()) == ["secret.txt", "staged"]
