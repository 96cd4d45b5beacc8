"""Made-up ledgers: columns with names in many languages, and rows of values."""

from __future__ import annotations

import datetime
import random
from dataclasses import dataclass
from typing import Any

WORDS = {
    "en": (
        "Date",
        "Region",
        "Product",
        "Units",
        "Price",
        "Sales",
        "Account",
        "Share",
        "Paid",
        "Total",
        "Subtotal",
        "Grand Total",
    ),
    "de": (
        "Datum",
        "Gebiet",
        "Artikel",
        "Menge",
        "Preis",
        "Umsatz",
        "Konto",
        "Anteil",
        "Bezahlt",
        "Summe",
        "Zwischensumme",
        "Gesamtsumme",
    ),
    "fr": (
        "Date",
        "Région",
        "Produit",
        "Quantité",
        "Prix",
        "Ventes",
        "Compte",
        "Part",
        "Payé",
        "Total",
        "Sous-total",
        "Total général",
    ),
    "es": (
        "Fecha",
        "Región",
        "Producto",
        "Unidades",
        "Precio",
        "Ventas",
        "Cuenta",
        "Cuota",
        "Pagado",
        "Total",
        "Subtotal",
        "Total general",
    ),
    "it": (
        "Data",
        "Zona",
        "Prodotto",
        "Pezzi",
        "Prezzo",
        "Vendite",
        "Conto",
        "Quota",
        "Pagato",
        "Totale",
        "Subtotale",
        "Totale",
    ),
    "nl": (
        "Datum",
        "Regio",
        "Artikel",
        "Aantal",
        "Prijs",
        "Omzet",
        "Rekening",
        "Aandeel",
        "Betaald",
        "Totaal",
        "Subtotaal",
        "Totaal",
    ),
    "pl": (
        "Data",
        "Region",
        "Produkt",
        "Sztuki",
        "Cena",
        "Sprzedaż",
        "Konto",
        "Udział",
        "Zapłacone",
        "Razem",
        "Suma",
        "Ogółem",
    ),
    "sv": (
        "Datum",
        "Region",
        "Produkt",
        "Antal",
        "Pris",
        "Försäljning",
        "Konto",
        "Andel",
        "Betald",
        "Summa",
        "Delsumma",
        "Totalt",
    ),
    "cs": (
        "Datum",
        "Kraj",
        "Zboží",
        "Kusy",
        "Cena",
        "Tržby",
        "Účet",
        "Podíl",
        "Zaplaceno",
        "Celkem",
        "Mezisoučet",
        "Celkem",
    ),
    "ru": (
        "Дата",
        "Регион",
        "Товар",
        "Штук",
        "Цена",
        "Продажи",
        "Счет",
        "Доля",
        "Оплачено",
        "Итого",
        "Итого",
        "Всего",
    ),
    "ja": (
        "日付",
        "地域",
        "商品",
        "数量",
        "単価",
        "売上",
        "勘定",
        "割合",
        "支払済",
        "合計",
        "小計",
        "総計",
    ),
    "zh": (
        "日期",
        "地区",
        "产品",
        "数量",
        "单价",
        "销售额",
        "科目",
        "占比",
        "已付",
        "合计",
        "小计",
        "总计",
    ),
    "ar": (
        "التاريخ",
        "المنطقة",
        "المنتج",
        "الكمية",
        "السعر",
        "المبيعات",
        "الحساب",
        "النسبة",
        "مدفوع",
        "المجموع",
        "المجموع",
        "الإجمالي",
    ),
    "he": (
        "תאריך",
        "אזור",
        "מוצר",
        "כמות",
        "מחיר",
        "מכירות",
        "חשבון",
        "חלק",
        "שולם",
        "סה״כ",
        "סה״כ",
        "סך הכל",
    ),
    "tr": (
        "Tarih",
        "Bölge",
        "Ürün",
        "Adet",
        "Fiyat",
        "Satış",
        "Hesap",
        "Pay",
        "Ödendi",
        "Toplam",
        "Ara Toplam",
        "Genel Toplam",
    ),
    "pt": (
        "Data",
        "Região",
        "Produto",
        "Unidades",
        "Preço",
        "Vendas",
        "Conta",
        "Quota",
        "Pago",
        "Total",
        "Subtotal",
        "Total geral",
    ),
}
LANGUAGES = tuple(WORDS)
REGIONS = {
    "ru": ("Север", "Юг", "Запад"),
    "ja": ("東京", "大阪", "名古屋"),
    "zh": ("北京", "上海", "广州"),
    "ar": ("الشمال", "الجنوب", "الغرب"),
    "he": ("צפון", "דרום", "מערב"),
    "de": ("Nord", "Süd", "West"),
}
FIELDS = ("date", "region", "product", "units", "price", "sales", "account", "share", "paid")
KINDS = dict(
    zip(
        FIELDS,
        (
            "date",
            "text",
            "text",
            "integer",
            "number",
            "currency",
            "identifier",
            "percent",
            "boolean",
        ),
        strict=True,
    )
)
FORMATS = {
    "date": "yyyy-mm-dd",
    "sales": "#,##0.00 [$€-407]",
    "share": "0.0%",
    "price": "#,##0.00",
}


@dataclass(frozen=True)
class Ledger:
    """Rows with named columns.

    Attributes:
        fields: Which of `FIELDS` there are.
        names: Their names in the ledger's language.
        rows: One tuple for each.
        words: (total, subtotal, grand total) in the language.
        groups: The regions in the order in which they stand.
    """

    fields: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    words: tuple[str, str, str]
    groups: tuple[str, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(KINDS[field] for field in self.fields)

    def at(self, field: str) -> int:
        return self.fields.index(field)


def make_ledger(
    language: str, fields: tuple[str, ...], *, seed: int = 0, per_group: int = 5
) -> Ledger:
    """Return a ledger with *per_group* rows for each of three regions, in order of region."""
    chance = random.Random(f"{language} {fields} {seed}")
    words = WORDS[language]
    groups = REGIONS.get(language, ("North", "South", "West"))
    rows = []
    for region in groups:
        for _ in range(per_group):
            number = len(rows)
            units = chance.randint(11, 400)
            price = chance.randint(150, 9_000) / 100
            value = {
                "date": datetime.datetime(2024, 1, 3) + datetime.timedelta(days=7 * number),
                "region": region,
                "product": f"{chance.choice(('Lamp', 'Desk', 'Chair', 'Shelf'))} {chance.choice('ABCDE')}",
                "units": units,
                "price": price,
                "sales": round(units * price, 2),
                "account": f"{chance.randint(1, 99_999):08d}",
                "share": chance.randint(1, 99) / 1000,
                "paid": chance.random() < 0.5,
            }
            rows.append(tuple(value[field] for field in fields))
    return Ledger(
        fields, tuple(words[FIELDS.index(f)] for f in fields), tuple(rows), words[9:12], groups
    )


def sums(
    ledger: Ledger, rows: list[tuple[Any, ...]], label: str, *, where: str = "region"
) -> tuple[Any, ...]:
    """Return the total row of *rows*, with *label* in the column *where*."""
    out: list[Any] = []
    for at, field in enumerate(ledger.fields):
        if field == where:
            out.append(label)
        elif field in ("units", "sales"):
            out.append(round(sum(row[at] for row in rows), 2))
        else:
            out.append(None)
    return tuple(out)
