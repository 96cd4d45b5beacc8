"""The image of the Docker backend is made again when what it is made from has changed."""

import io

import docker
import pytest

from container.host.environment import DEFAULT_IMAGE
from container.image.build import MADE_FROM, build, is_current, made_from

pytestmark = pytest.mark.parametrize("backend", ["docker"], indirect=True)
OTHER = "tallybook-kernel:of-a-test"


@pytest.fixture
def client(backend):
    made = docker.from_env()
    yield made
    made.close()


@pytest.fixture
def other(client):
    """An image like the kernels', of which a label says that it was made from something else."""
    text = f"FROM {DEFAULT_IMAGE}\nLABEL {MADE_FROM}=earlier\n"
    image, _ = client.images.build(fileobj=io.BytesIO(text.encode()), tag=OTHER)
    yield image
    client.images.remove(OTHER)


def test_an_image_made_from_the_same_is_left_as_it_is(client, capsys):
    before = client.images.get(DEFAULT_IMAGE).id

    after = build(DEFAULT_IMAGE, None)

    assert after == before
    assert "nothing it is made from has changed" in capsys.readouterr().out


def test_an_image_made_from_something_else_or_not_at_all_is_not_current(client, other):
    assert is_current(client, DEFAULT_IMAGE)
    assert not is_current(client, OTHER)
    assert not is_current(client, "tallybook-kernel:never-made")


def test_what_it_stands_on_decides_what_it_is_made_from(backend):
    assert made_from("debian:12") != made_from("debian:13")
    assert made_from("debian:12") == made_from("debian:12")
