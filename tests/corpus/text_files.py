"""Tables as text, as banks, portals and programs of several countries write them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file and how it is to be read.

    Attributes:
        encoding: What it is written in.
        text: Its content.
        delimiter: Between its fields.
        decimal: The decimal sign of its numbers.
        thousands: The sign between their groups.
    """

    encoding: str
    text: str
    delimiter: str
    decimal: str
    thousands: str | None = None


def _repeated(head: str, line: str, times: int = 12) -> str:
    return head + "".join(line.replace("#", str(n % 10)) for n in range(times))


GERMAN = _repeated(
    "Buchungstag;Empfänger;Betrag\r\n",
    '0#.01.2024;"Müller & Söhne\r\nGrößenwahn";-1.00#,50\r\n',
)
POLISH = _repeated("Data;Odbiorca;Kwota\n", "2024-01-0#;Żółć Łódź Śląsk;1 234,5#\n")
CZECH = _repeated("Datum;Příjemce;Částka\n", "0#.01.2024;Dvořák a spol. Plzeň;12 345,6#\n")
FRENCH = _repeated("Date\tLibellé\tMontant\n", "0#/01/2024\tÉtude à Besançon\t1 250,#0\n")
JAPANESE = _repeated("日付,取引先,金額\n", "2024-01-0#,トヨタ自動車(カブ),12#0\n")
RUSSIAN = _repeated("Дата;Получатель;Сумма\n", "0#.01.2024;Фирма Ромашка;1234,5#\n")
CHINESE = _repeated("日期,公司,金额\n", "2024-01-0#,上海银行有限公司,12#0.50\n")
GREEK = _repeated("Ημερομηνία;Πελάτης;Ποσό\n", "0#/01/2024;Αθήνα Εμπορική;12,5#\n")
ENGLISH = _repeated("Date,Name,Amount\n", '2024-01-0#,"Smith, John","1,250.#0"\n')
SWISS = _repeated("Datum;Text;Betrag\n", "0#.01.2024;Zürich;1'250.#0\n")

FILES = {
    "german_cp1252": TextFile("cp1252", GERMAN, ";", ",", "."),
    "german_latin_1": TextFile("latin-1", GERMAN, ";", ",", "."),
    "german_utf8": TextFile("utf-8", GERMAN, ";", ",", "."),
    "german_utf8_bom": TextFile("utf-8-sig", GERMAN, ";", ",", "."),
    "german_sep_line": TextFile("utf-8-sig", "sep=;\r\n" + GERMAN, ";", ",", "."),
    "german_utf16": TextFile("utf-16", GERMAN, ";", ",", "."),
    "german_utf16_le_without_bom": TextFile("utf-16-le", GERMAN, ";", ",", "."),
    "german_utf16_be_without_bom": TextFile("utf-16-be", GERMAN, ";", ",", "."),
    "german_dos": TextFile("cp850", GERMAN, ";", ",", "."),
    "polish_cp1250": TextFile("cp1250", POLISH, ";", ",", " "),
    "czech_cp1250": TextFile("cp1250", CZECH, ";", ",", " "),
    "french_cp1252": TextFile("cp1252", FRENCH, "\t", ",", " "),
    "french_narrow_space": TextFile(
        "utf-8", FRENCH.replace("1 2", "1\u202f2"), "\t", ",", "\u202f"
    ),
    "japanese_shift_jis": TextFile("cp932", JAPANESE, ",", "."),
    "japanese_euc": TextFile("euc_jp", JAPANESE, ",", "."),
    "russian_cp1251": TextFile("cp1251", RUSSIAN, ";", ","),
    "chinese_gb": TextFile("gb18030", CHINESE, ",", "."),
    "greek_cp1253": TextFile("cp1253", GREEK, ";", ","),
    "english_ascii": TextFile("ascii", ENGLISH, ",", ".", ","),
    "swiss_cp1252": TextFile("cp1252", SWISS, ";", ".", "'"),
}
