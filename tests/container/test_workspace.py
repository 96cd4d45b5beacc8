"""The service touches a workspace without ever being led out of it."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from container.errors import UnsafePath, WorkspaceFileNotFound
from container.host.host_users import HOST_USERS
from container.host.runtime import LAST_USER, RUNTIME_VARIABLE
from container.workspace.workspace import Workspace, safe_name

pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    "name",
    ["../up.xlsx", "a/b.xlsx", "a\\b.xlsx", "nul\x00.xlsx", "", "  ", "..", ".hidden", "x" * 300,
     "line\nbreak.xlsx", 'quo"te.xlsx', "😀" * 60],
)  # fmt: skip
def test_a_name_that_could_lead_out_or_break_is_refused(name):
    with pytest.raises(UnsafePath):
        safe_name(name)


@pytest.mark.parametrize(
    "name", ["sales.xlsx", "Umsätze Q1 (final).xlsx", "📈 plan.xlsx", "数.csv"]
)
def test_ordinary_names_in_any_script_are_kept(name):
    assert safe_name(name) == name


def test_composed_and_decomposed_letters_are_one_name():
    assert safe_name("Umsa\u0308tze.xlsx") == "Ums\u00e4tze.xlsx"


def test_an_interrupted_upload_leaves_nothing(workspace):
    with pytest.raises(RuntimeError), workspace.add_input("a.xlsx") as new:
        new.file.write(b"half")
        raise RuntimeError

    assert list((workspace.directory / "inputs").iterdir()) == []


def test_a_taken_name_gets_a_number(workspace):
    names = []
    for content in (b"1", b"2", b"3"):
        with workspace.add_input("a.xlsx") as new:
            new.file.write(content)
        names.append(new.name)

    assert names == ["a.xlsx", "a (2).xlsx", "a (3).xlsx"]
    with workspace.open_read("inputs/a.xlsx") as first:
        assert first.read() == b"1"


@pytest.fixture
def listed(workspace):
    """A workspace with some files, all of it older than a tick, and its listing."""
    (workspace.directory / "outputs" / "deeper").mkdir()
    for name in ("inputs/a.xlsx", "outputs/deeper/b.csv"):
        (workspace.directory / name).write_bytes(b"1")
    while not (listing := workspace.listing()).settled:
        time.sleep(0.005)
    return listing


def test_a_workspace_nobody_touched_is_unchanged(workspace, listed):
    assert [file.name for file in listed.files] == ["inputs/a.xlsx", "outputs/deeper/b.csv"]
    assert workspace.unchanged(listed)


@pytest.mark.parametrize(
    "change",
    [
        lambda top: (top / "inputs" / "a.xlsx").write_bytes(b"2"),
        lambda top: (top / "inputs" / "a.xlsx").unlink(),
        lambda top: (top / "inputs" / "a.xlsx").rename(top / "inputs" / "c.xlsx"),
        lambda top: (top / "outputs" / "deeper" / "new").touch(),
        lambda top: (top / "new").mkdir(),
        lambda top: (top / "outputs").rename(top / "elsewhere"),
        lambda top: os.utime(top / "inputs" / "a.xlsx", (0, 0)),
        lambda top: (
            (top / "outputs").rename(top / ".aside"),
            (top / "outputs").symlink_to(".aside"),
        ),
    ],
    ids=["written", "removed", "renamed", "added", "directory", "moved", "touched", "linked"],
)
def test_any_change_is_seen_without_a_listing(workspace, listed, change):
    change(workspace.directory)

    assert not workspace.unchanged(listed)


def test_what_was_listed_while_it_changed_does_not_count_as_unchanged(workspace):
    just_now = time.time() + 60
    os.utime(workspace.directory / "outputs", (just_now, just_now))

    assert not workspace.unchanged(workspace.listing())


def test_a_workspace_that_is_gone_is_not_unchanged(workspace, listed):
    shutil.rmtree(workspace.directory)

    assert not workspace.unchanged(listed)


def test_two_uploads_of_one_name_at_the_same_time_are_both_kept(workspace):
    with workspace.add_input("a.xlsx") as one, workspace.add_input("a.xlsx") as other:
        one.file.write(b"one")
        other.file.write(b"other")

    kept = {f.name: workspace.sha256(f.name) for f in workspace.files("inputs")}
    assert set(kept) == {"inputs/a.xlsx", "inputs/a (2).xlsx"}
    assert len(set(kept.values())) == 2


def test_a_link_planted_in_the_workspace_is_not_followed(workspace):
    (workspace.directory / "outputs" / "x.txt").symlink_to("/etc/passwd")

    with pytest.raises(UnsafePath):
        workspace.open_read("outputs/x.txt")


def test_a_directory_swapped_for_a_link_is_not_followed(workspace, tmp_path):
    (tmp_path / "secret.txt").write_text("s")
    (workspace.directory / "outputs").rmdir()
    (workspace.directory / "outputs").symlink_to(tmp_path)

    with pytest.raises(UnsafePath):
        workspace.open_read("outputs/secret.txt")
    assert workspace.files("outputs") == []


def test_a_pipe_is_refused_and_blocks_nobody(workspace):
    os.mkfifo(workspace.directory / "outputs" / "pipe")

    with pytest.raises(UnsafePath):
        workspace.open_read("outputs/pipe")
    assert workspace.files() == []


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "outputs/../../x", "", "a//b", "./a"])
def test_only_plain_relative_names_are_opened(workspace, name):
    with pytest.raises(UnsafePath):
        workspace.open_read(name)


def test_a_missing_file_is_named(workspace):
    with pytest.raises(WorkspaceFileNotFound, match="gone.xlsx"):
        workspace.open_read("outputs/gone.xlsx")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has users to give")
def test_owners_are_given_out_in_turn_and_anew_once_all_were(tmp_path, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="tb-", dir="/tmp") as directory:
        monkeypatch.setenv(RUNTIME_VARIABLE, directory)
        Path(directory, LAST_USER).write_text(str(HOST_USERS.stop - 2))

        owners = [Workspace.create(tmp_path / f"w{number}").uid for number in range(3)]

    assert owners == [HOST_USERS.stop - 1, HOST_USERS.start, HOST_USERS.start + 1]


def test_a_root_service_gives_every_workspace_an_unprivileged_owner(tmp_path):
    made = Workspace.create(tmp_path / "w")

    if os.geteuid() == 0:
        assert made.uid is not None
        assert made.uid >= 310_000
    else:
        assert made.uid is None
