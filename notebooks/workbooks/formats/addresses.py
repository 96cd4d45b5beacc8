"""A1 addresses: letters of columns and names of cells. Rows and columns count from 0."""

from __future__ import annotations


def column_letters(index: int) -> str:
    """Return the letters of the column at *index*.

    >>> column_letters(26)
    'AA'
    """
    letters = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_index(letters: str) -> int:
    """Return the index of the column with *letters*, in capitals.

    >>> column_index("AA")
    26
    """
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def address(row: int, column: int) -> str:
    """Return the name of a cell.

    >>> address(0, 26)
    'AA1'
    """
    return f"{column_letters(column)}{row + 1}"
