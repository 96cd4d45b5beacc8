"""How the sandboxes are put together: the argument vectors and options are pure, so read them."""

import pytest

from container.backends.bubblewrap import make_bwrap_argv, make_root_argv
from container.backends.docker_engine import container_options
from container.limits import Limits
from container.sandbox import SandboxSpec

pytestmark = pytest.mark.check


def test_every_namespace_is_unshared_and_the_environment_is_empty(tmp_path):
    spec = SandboxSpec(name="n", argv=("true",), limits=Limits(), workspace=tmp_path)

    argv = make_bwrap_argv(spec, {})

    for flag in ("--unshare-all", "--clearenv", "--die-with-parent", "--new-session"):
        assert flag in argv
    assert argv[argv.index("--cap-drop") + 1] == "ALL"
    assert "--share-net" not in argv


def test_a_path_with_shell_characters_is_an_argument_never_code(tmp_path):
    evil = tmp_path / "$(touch x); `id`"

    argv = make_root_argv(1234, ["bwrap"], procs=[], stage=tmp_path, staged={evil: tmp_path / "0"})

    script = argv[argv.index("-euc") + 1]
    assert str(evil) in argv
    assert "touch" not in script


def test_a_container_is_closed_in_every_way_docker_offers(tmp_path):
    spec = SandboxSpec(name="k-1-x", argv=("true",), limits=Limits(), workspace=tmp_path, uid=4711)

    options = container_options(spec, "runsc")

    assert options["network_mode"] == "none"
    assert options["read_only"] is True
    assert options["cap_drop"] == ["ALL"]
    assert "no-new-privileges" in options["security_opt"]
    assert any(option.startswith("seccomp={") for option in options["security_opt"])
    assert options["user"] == "4711:4711"
    assert options["memswap_limit"] == options["mem_limit"] == Limits().memory_bytes
    assert options["pids_limit"] == Limits().pids
    assert options["runtime"] == "runsc"
    assert "privileged" not in options
