"""What a kernel's message shows, held against nbformat's own reading of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import output_from_msg

from container.kernel.outputs import FIELDS, envelope_of, message_of, output_of

pytestmark = pytest.mark.check

TEXT = st.text(max_size=20)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
KINDS = st.sampled_from(["text/plain", "text/html", "image/png", "application/json",
                         "application/vnd.custom+json"])  # fmt: skip
BUNDLE = st.dictionaries(KINDS, ANYTHING, max_size=3)
FIELD = {
    "name": st.sampled_from(["stdout", "stderr"]) | ANYTHING,
    "data": BUNDLE | ANYTHING,
    "metadata": st.dictionaries(TEXT, ANYTHING, max_size=2) | ANYTHING,
    "execution_count": st.integers(-2, 9) | ANYTHING,
    "traceback": st.lists(TEXT, max_size=3) | ANYTHING,
}


@st.composite
def messages(draw):
    kind = draw(st.sampled_from([*FIELDS, "status", "comm_msg"]))
    names = FIELDS.get(kind, {"x": str})
    content = {name: draw(FIELD.get(name, TEXT | ANYTHING)) for name in names}
    if draw(st.integers(0, 9)) == 0:
        content.pop(next(iter(content)))
    return {"header": {"msg_type": kind}, "content": content}


@given(messages())
def test_it_is_what_nbformat_makes_of_it_or_nothing_where_nbformat_refuses(message):
    try:
        theirs = dict(output_from_msg(message))
    except Exception:
        theirs = None
    ours = output_of(message)

    if theirs is None:
        assert ours is None
    elif ours is not None:  # text in pieces: nbformat takes it, no kernel sends it
        assert ours == theirs


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("stream", {"name": "stdout", "text": "a\n"}),
        ("display_data", {"data": {"image/png": "aGk=", "text/html": ["<p>", "</p>"]},
                          "metadata": {"width": 3}}),
        ("execute_result", {"data": {"text/plain": "2", "application/json": {"a": [1, None]}},
                            "metadata": {}, "execution_count": 3}),
        ("error", {"ename": "E", "evalue": "v", "traceback": ["a", "b"]}),
    ],
)  # fmt: skip
def test_every_kind_of_output_is_taken(kind, content):
    message = {"header": {"msg_type": kind}, "content": content}

    assert output_of(message) == dict(output_from_msg(message))


def test_an_update_is_of_a_display_with_an_id_or_nothing():
    content = {"data": {"text/plain": "1"}, "metadata": {}, "transient": {"display_id": "d"}}
    header = {"msg_type": "update_display_data"}

    assert output_of({"header": header, "content": content}) == {
        "output_type": "update_display_data", **content
    }  # fmt: skip
    for transient in ({}, {"display_id": 5}, {"display_id": ["d"]}, "d", None):
        assert output_of({"header": header, "content": {**content, "transient": transient}}) is None


def test_a_display_keeps_its_id_and_a_clearing_its_wait():
    shown = {"data": {"text/plain": "1"}, "metadata": {}, "transient": {"display_id": "d"}}
    display = {"header": {"msg_type": "display_data"}, "content": shown}
    clearing = {"header": {"msg_type": "clear_output"}, "content": {"wait": True}}

    assert output_of(display)["transient"] == {"display_id": "d"}
    assert output_of(clearing) == {"output_type": "clear_output", "wait": True}


@given(messages(), st.dictionaries(st.sampled_from(["transient", "more"]), ANYTHING), st.binary())
def test_a_message_is_whole_again_from_its_output_and_the_rest(message, more, buffer):
    message["content"] |= more
    message |= {"parent_header": {"msg_id": "m"}, "metadata": {"a": 1}, "buffers": [buffer]}
    output = output_of(message)

    if output is not None:
        rest = json.loads(json.dumps(envelope_of(message, output)))  # as it is stored
        assert message_of(rest, output) == message


def test_what_an_output_shows_is_not_stored_again_beside_it():
    content = {"data": {"text/plain": "x" * 1000}, "metadata": {}, "transient": {}}
    message = {"header": {"msg_type": "display_data"}, "parent_header": {}, "metadata": {}}
    message |= {"content": content, "buffers": []}

    assert len(json.dumps(envelope_of(message, output_of(message)))) < 200
