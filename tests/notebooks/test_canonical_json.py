"""Canonical JSON is that of RFC 8785, but that whole numbers keep every digit."""

import json

import pytest

from notebooks.record.canonical import canonical_json

pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    ("number", "text"),
    [
        # RFC 8785, appendix B
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (1e21, "1e+21"),
        (999999999999999900000.0, "999999999999999900000"),
        (1e-6, "0.000001"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (333333333.3333332, "333333333.3333332"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1424953923781206.2, "1424953923781206.2"),
        # ours
        (2.0, "2"),
        (12345678901234567890123, "12345678901234567890123"),
    ],
)
def test_numbers_are_written_as_ecmascript_does(number, text):
    assert canonical_json(number).decode() == text
    assert canonical_json(json.loads(text)).decode() == text


def test_names_are_in_the_order_of_their_utf_16_code_units():
    # RFC 8785, section 3.2.3
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }

    written = json.loads(canonical_json(value))

    assert list(written.values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_texts_are_escaped_as_the_rfc_says():
    # RFC 8785, section 3.2.2
    value = {"string": '€$\u000f\nA\'B"\\\\"/', "literals": [None, True, False], "none": {}}

    assert canonical_json(value).decode() == (
        '{"literals":[null,true,false],"none":{},"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
