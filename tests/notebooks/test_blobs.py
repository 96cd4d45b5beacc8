"""What files once held: kept once, sealed where there is a key, within a room."""

import base64
import hashlib
import io
import os

import pytest

from notebooks.errors import (
    BlobDamaged,
    BlobNotFound,
    PinnedQuotaExceeded,
    SealingKeyInvalid,
    SealingKeyMissing,
)
from notebooks.history.blobs import Blobs
from notebooks.history.sealing import CHUNK_BYTES, HEADER, TAG_BYTES, sealing_keys

pytestmark = pytest.mark.check

ROOM = 10 * CHUNK_BYTES
CONTENT = b"Region,Sales\nNorth,1200\n" * 3


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


KEY, LATER_KEY = new_key(), new_key()


def keep(blobs, content):
    sha256 = hashlib.sha256(content).hexdigest()
    blobs.keep(sha256, io.BytesIO(content))
    return sha256


def read(blobs, sha256):
    target = io.BytesIO()
    blobs.copy(sha256, target)
    return target.getvalue()


@pytest.fixture(params=["plain", "sealed"])
def blobs(request, tmp_path):
    return Blobs(tmp_path / "b", sealing_keys(KEY) if request.param == "sealed" else None, ROOM)


def sealed(tmp_path, keys=KEY):
    tmp_path.mkdir(exist_ok=True)
    return Blobs(tmp_path / "b", sealing_keys(keys), ROOM)


def only_file(blobs, tmp_path):
    (file,) = (tmp_path / "b").iterdir()
    return file


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 5])
def test_what_is_kept_comes_back_whole(blobs, size):
    content = os.urandom(size)

    assert read(blobs, keep(blobs, content)) == content


def test_a_content_is_kept_once(blobs, tmp_path):
    sha256 = keep(blobs, CONTENT)
    before = only_file(blobs, tmp_path).stat()
    keep(blobs, CONTENT)

    assert blobs.names() == [sha256]
    assert only_file(blobs, tmp_path).stat().st_mtime_ns == before.st_mtime_ns


def test_a_content_that_changed_while_it_was_looked_at_is_kept_under_its_own_digest(blobs):
    expected = hashlib.sha256(b"before").hexdigest()
    blobs.keep(expected, io.BytesIO(b"after"))

    assert expected not in blobs
    assert read(blobs, hashlib.sha256(b"after").hexdigest()) == b"after"


def test_the_oldest_evict(blobs, tmp_path):
    contents = [bytes([n]) * (4 * CHUNK_BYTES) for n in range(3)]
    digests = []
    for age, content in enumerate(contents):
        digests.append(keep(blobs, content))
        for file in (tmp_path / "b").iterdir():
            if file.name.startswith(digests[-1]):
                os.utime(file, ns=(age, age))

    assert [digest in blobs for digest in digests] == [False, True, True]
    with pytest.raises(BlobNotFound):
        read(blobs, digests[0])


def test_what_a_crash_left_half_makes_room_first(blobs, tmp_path):
    first = keep(blobs, CONTENT)
    left = tmp_path / "b" / "0a1b2c3d.part"
    left.write_bytes(bytes(ROOM // 2))
    os.utime(left, ns=(0, 0))

    second = keep(blobs, bytes(ROOM // 2 + 1))

    assert not left.exists()
    assert blobs.names() == sorted([first, second])


def test_what_is_larger_than_the_room_is_not_kept_and_drives_nothing_out(blobs, tmp_path):
    first = keep(blobs, CONTENT)
    keep(blobs, bytes(ROOM + 1))

    assert blobs.names() == [first]
    assert len(list((tmp_path / "b").iterdir())) == 1


def test_a_content_that_broke_on_disk_is_noticed(blobs, tmp_path):
    sha256 = keep(blobs, CONTENT)
    file = only_file(blobs, tmp_path)
    broken = bytearray(file.read_bytes())
    broken[-1] ^= 1
    file.write_bytes(broken)

    with pytest.raises(BlobDamaged):
        read(blobs, sha256)


def test_a_sealed_content_shows_nothing_of_itself(tmp_path):
    blobs = sealed(tmp_path)
    keep(blobs, CONTENT)
    on_disk = only_file(blobs, tmp_path).read_bytes()

    assert b"Sales" not in on_disk
    assert len(on_disk) == HEADER.size + len(CONTENT) + TAG_BYTES


def test_the_same_content_sealed_twice_differs(tmp_path):
    one, other = sealed(tmp_path / "1"), sealed(tmp_path / "2")
    keep(one, CONTENT)
    keep(other, CONTENT)

    first, second = (only_file(None, tmp_path / n).read_bytes() for n in ("1", "2"))
    assert first[HEADER.size :] != second[HEADER.size :]


def in_chunks(sealed_bytes):
    step = CHUNK_BYTES + TAG_BYTES
    body = sealed_bytes[HEADER.size :]
    return sealed_bytes[: HEADER.size], [body[n : n + step] for n in range(0, len(body), step)]


@pytest.mark.parametrize(
    "attack",
    [
        lambda chunks: chunks[:-1],
        lambda chunks: [chunks[1], chunks[0], chunks[2]],
        lambda chunks: [chunks[0], chunks[0], *chunks[2:]],
        lambda chunks: [*chunks, chunks[-1]],
        lambda chunks: [],
    ],
    ids=["cut off", "swapped", "repeated", "made longer", "emptied"],
)
def test_chunks_cannot_be_moved_repeated_or_left_out(tmp_path, attack):
    blobs = sealed(tmp_path)
    sha256 = keep(blobs, os.urandom(2 * CHUNK_BYTES + 100))
    file = only_file(blobs, tmp_path)
    header, chunks = in_chunks(file.read_bytes())
    file.write_bytes(header + b"".join(attack(chunks)))

    with pytest.raises(BlobDamaged):
        read(blobs, sha256)


def test_a_sealed_content_cannot_stand_in_for_another(tmp_path):
    blobs = sealed(tmp_path)
    one, other = keep(blobs, b"1000"), keep(blobs, b"9999")
    directory = tmp_path / "b"
    (directory / f"{one}.sealed").write_bytes((directory / f"{other}.sealed").read_bytes())

    with pytest.raises(BlobDamaged):
        read(blobs, one)


def test_a_new_key_seals_and_the_one_before_still_opens(tmp_path):
    early = keep(sealed(tmp_path), CONTENT)
    rotated = sealed(tmp_path, f"{LATER_KEY}\n{KEY}")
    late = keep(rotated, b"later")

    assert (read(rotated, early), read(rotated, late)) == (CONTENT, b"later")
    with pytest.raises(SealingKeyMissing):
        read(sealed(tmp_path), late)


def test_without_the_key_the_error_names_the_one_that_is_missing(tmp_path):
    sha256 = keep(sealed(tmp_path), CONTENT)
    key_id = only_file(None, tmp_path).read_bytes()[4:12].hex()

    with pytest.raises(SealingKeyMissing, match=key_id):
        read(sealed(tmp_path, LATER_KEY), sha256)
    with pytest.raises(SealingKeyMissing):
        read(Blobs(tmp_path / "b", None, ROOM), sha256)


def test_what_was_kept_plain_is_read_after_there_is_a_key(tmp_path):
    sha256 = keep(Blobs(tmp_path / "b", None, ROOM), CONTENT)

    assert read(sealed(tmp_path), sha256) == CONTENT


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Key 1 is missing"),
        ("not base64!", "Key 1 is not base64"),
        (base64.b64encode(b"short").decode(), "Key 1 holds 5 bytes instead of 32"),
        (f"{KEY} c2hvcnQ=", "Key 2 holds 5 bytes"),
    ],
    ids=["none", "no base64", "short", "the second short"],
)
def test_a_key_that_cannot_be_used_is_refused_without_being_shown(text, reason):
    with pytest.raises(SealingKeyInvalid, match=reason) as refused:
        sealing_keys(text)

    assert not text or text not in str(refused.value)


# contents that stay


def pin(blobs, content):
    sha256 = hashlib.sha256(content).hexdigest()
    blobs.pin(sha256, io.BytesIO(content))
    return sha256


@pytest.fixture(params=["plain", "sealed"])
def with_pins(request, tmp_path):
    keys = sealing_keys(KEY) if request.param == "sealed" else None
    return Blobs(tmp_path / "b", keys, quota_bytes=3000, pinned_bytes=3000)


def test_a_pinned_content_never_makes_room_for_another(with_pins):
    pinned = pin(with_pins, b"p" * 1000)

    for number in range(20):
        keep(with_pins, bytes([number]) * 1000)

    assert read(with_pins, pinned) == b"p" * 1000
    assert pinned in with_pins.names()


def test_a_content_that_is_pinned_later_is_there_once_and_stays(with_pins, tmp_path):
    sha256 = keep(with_pins, CONTENT)

    assert pin(with_pins, CONTENT) == sha256

    assert with_pins.names() == [sha256]
    assert len([file for file in (tmp_path / "b").rglob("*") if file.is_file()]) == 1
    assert read(with_pins, sha256) == CONTENT


def test_a_pinned_content_is_not_kept_a_second_time(with_pins, tmp_path):
    pin(with_pins, CONTENT)
    keep(with_pins, CONTENT)

    assert len([file for file in (tmp_path / "b").rglob("*") if file.is_file()]) == 1


def test_where_the_room_for_pinned_ones_is_used_up_another_is_refused_and_all_stay(with_pins):
    first = pin(with_pins, b"1" * 2000)

    with pytest.raises(PinnedQuotaExceeded):
        pin(with_pins, b"2" * 2000)

    assert with_pins.names() == [first]
    pin(with_pins, b"1" * 2000)  # the same takes no room
    pin(with_pins, b"3" * 500)


def test_without_room_only_pinned_ones_are_kept(tmp_path):
    blobs = Blobs(tmp_path / "b", None, quota_bytes=0, pinned_bytes=1000)

    kept, pinned = keep(blobs, b"kept"), pin(blobs, b"pinned")

    assert kept not in blobs
    assert blobs.names() == [pinned]
