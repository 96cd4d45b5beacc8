"""Both protocols on the wire, against jupyter_server's own code."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)

from kernel_gateway.relays.wire import V1, MessageMalformed, decode, encode

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
        "parent_header": OBJECT,
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


@given(st.binary(max_size=200) | st.text(max_size=200), st.sampled_from([V1, None]))
def test_no_frame_whatever_does_more_than_be_refused(frame, protocol):
    with contextlib.suppress(MessageMalformed):
        message = decode(frame, protocol)
        assert message["header"]["msg_type"]
