"""Both protocols on the wire, against jupyter_server's own code."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)

from kernel_gateway.channels.wire_format import (
    MOST_HEADER_TEXT,
    V1,
    MessageMalformed,
    decode,
    encode,
)

pytestmark = pytest.mark.check

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(), JSON, max_size=4)
MESSAGES = st.fixed_dictionaries(
    {
        "header": st.fixed_dictionaries({"msg_id": st.text(min_size=1, max_size=50),
                                         "msg_type": st.text(min_size=1, max_size=50)}),
        "parent_header": st.dictionaries(
            st.sampled_from(["msg_id", "session"]), st.text(max_size=MOST_HEADER_TEXT)
        ),
        "metadata": OBJECT,
        "content": OBJECT,
        "channel": st.sampled_from(["shell", "control", "stdin"]),
        "buffers": st.lists(st.binary(max_size=50), max_size=3),
    }
)  # fmt: skip


@given(MESSAGES, st.sampled_from([V1, None]))
def test_what_is_encoded_is_decoded(message, protocol):
    assert decode(encode(message, protocol), protocol) == message


@given(MESSAGES)
def test_jupyter_server_reads_our_v1_frames_and_we_read_its(message):
    channel, parts = deserialize_msg_from_ws_v1(encode(message, V1))
    theirs = serialize_msg_to_ws_v1(
        [
            json.dumps(message[p]).encode()
            for p in ("header", "parent_header", "metadata", "content")
        ]
        + message["buffers"],
        message["channel"],
    )

    assert channel == message["channel"]
    assert [json.loads(p) for p in parts[:4]] == [
        message[p] for p in ("header", "parent_header", "metadata", "content")
    ]
    assert list(parts[4:]) == message["buffers"]
    assert decode(theirs, V1) == message


@given(MESSAGES.filter(lambda m: m["buffers"]))
def test_jupyter_server_reads_our_binary_frames_and_we_read_its(message):
    read = deserialize_binary_message(encode(message, None))

    assert read["buffers"] == message["buffers"]
    assert read["content"] == message["content"]
    assert decode(serialize_binary_message(message), None) == message


NAMED = st.fixed_dictionaries({"msg_id": st.just("a"), "msg_type": st.just("b")})


@given(
    st.fixed_dictionaries(
        {"header": NAMED | JSON},
        optional=dict.fromkeys(["channel", "buffers", "parent_header", "metadata"], JSON),
    )
)
def test_no_value_in_any_place_does_more_than_be_refused(message):
    with contextlib.suppress(MessageMalformed):
        assert decode(json.dumps(message), None)["header"]["msg_id"]


@pytest.mark.parametrize(
    "date", ["2020-13-45T99:99:99Z", "2020-01-01T00:00:00+00:00:01", "0000-01-01T00:00:00Z", "٢", 5]
)
def test_a_header_holds_nothing_that_a_kernel_would_take_for_a_date_that_it_is_not(date):
    header = {"msg_id": "a", "msg_type": "b", "username": "2020-01-01T10:00:00Z", "date": date}

    message = decode(json.dumps({"header": header, "parent_header": header}), None)

    assert message["header"] == message["parent_header"] == {"msg_id": "a", "msg_type": "b"}


@pytest.mark.parametrize("protocol", [V1, None])
def test_halves_of_characters_are_refused_and_whole_ones_are_not(protocol):
    named = {"channel": "shell", "header": {"msg_id": "a", "msg_type": "b"}, "parent_header": {},
             "metadata": {}, "buffers": []}  # fmt: skip
    whole = {**named, "content": {"code": "'📈'", "\\ud800": "the words for it"}}

    assert decode(encode(whole, protocol), protocol)["content"] == whole["content"]
    with pytest.raises(MessageMalformed, match="half of a character"):
        decode(encode({**named, "content": {"code": "\ud800"}}, protocol), protocol)


@given(st.binary(max_size=200) | st.text(max_size=200), st.sampled_from([V1, None]))
def test_no_frame_whatever_does_more_than_be_refused(frame, protocol):
    with contextlib.suppress(MessageMalformed):
        message = decode(frame, protocol)
        assert message["header"]["msg_type"]
