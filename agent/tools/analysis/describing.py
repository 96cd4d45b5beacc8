"""Code that describes one table: its quality, its numbers, what is unusual, how it develops."""

from __future__ import annotations

from agent.tools.analysis.arguments import DataQuality, Outliers, SummaryStatistics, Trend
from agent.tools.analysis.written import FREQUENCIES, Places, Written, lines
from agent.tools.tool import ToolFailed

LIMITS = {"iqr": 1.5, "zscore": 3.0, "mad": 3.5}
NUMPY = ("import numpy as np", "import pandas as pd")


def data_quality(asked: DataQuality, at: Places) -> Written:
    """Write counts for each column, and repeated rows and keys."""
    body = lines(
        '''
        def quality(column):
            """Return what is noticeable about one column."""
            filled = column.dropna()
            texts = pd.Series([value for value in filled if isinstance(value, str)], dtype=str)
            numbers = pd.Series([v for v in filled if isinstance(v, (int, float))], dtype=float)
            return {
                "type": str(column.dtype),
                "filled": len(filled),
                "blank": column.isna().sum(),
                "blank %": round(100 * column.isna().mean(), 1),
                "distinct": filled.astype(str).nunique(),
                "texts": len(texts),
                "texts among others": len(texts) if len(texts) < len(filled) else 0,
                "numbers as text": pd.to_numeric(texts, errors="coerce").notna().sum(),
                "blanks around text": (texts != texts.str.strip()).sum(),
                "negative": (numbers < 0).sum(),
                "zero": (numbers == 0).sum(),
                "smallest": filled.min() if len(texts) in (0, len(filled)) else None,
                "largest": filled.max() if len(texts) in (0, len(filled)) else None,
            }

        data_quality = pd.DataFrame([quality(«frame»[name]) for name in «frame».columns])
        data_quality.insert(0, "column", «frame».columns)
        repeated_rows = «frame»[«frame».duplicated(keep=False)]
        print(f"{len(«frame»):,} rows, {«frame».duplicated().sum():,} repeat an earlier row whole")
        ''',
        frame=at.frame,
    )
    if asked.key:
        body += "\n" + lines(
            """
            key = «key»
            repeated_keys = «frame»[«frame».duplicated(key, keep=False)].sort_values(key)
            print(f"key {key}: {len(repeated_keys):,} rows share theirs with another row,",
                  f"{«frame»[key].isna().any(axis=1).sum():,} rows lack a part of it")
            print(repeated_keys.head(20).to_string())
            """,
            frame=at.frame,
            key=at.listed("key"),
        )
    return Written(body, "data_quality")


def summary_statistics(asked: SummaryStatistics, at: Places) -> Written:
    """Write the usual statistics; deviation, skewness and kurtosis are those of a sample."""
    if not asked.columns and not at.tables[0].may_have_numbers:
        raise ToolFailed(f"{at.tables[0].place} has no column of numbers.")
    if asked.columns:
        numbers = f"{at.frame}[{at.listed('columns')}]"
    else:
        numbers = f'{at.frame}.select_dtypes("number")'
    if asked.by:
        columns = f"[{at.listed('columns')}]" if asked.columns else ""
        body = lines(
            """
            groups = «frame».groupby(«by», dropna=False)«columns»
            summary_statistics = groups.agg(
                ["count", "sum", "mean", "median", "std", "min", "max"]«only»
            )
            summary_statistics.columns = [" ".join(map(str, c)) for c in summary_statistics.columns]
            summary_statistics = summary_statistics.reset_index()
            """,
            frame=at.frame if asked.columns else _numeric(at),
            by=at.listed("by"),
            columns=columns,
            only="",
        )
        return Written(body, "summary_statistics")
    body = lines(
        """
        numbers = «numbers»
        summary_statistics = pd.DataFrame({
            "count": numbers.count(),
            "blank": numbers.isna().sum(),
            "sum": numbers.sum(),
            "mean": numbers.mean(),
            "standard deviation": numbers.std(),
            "smallest": numbers.min(),
            "first quartile": numbers.quantile(0.25),
            "median": numbers.median(),
            "third quartile": numbers.quantile(0.75),
            "largest": numbers.max(),
            "skewness": numbers.skew(),
            "kurtosis": numbers.kurt(),
        }).rename_axis("column").reset_index()
        """,
        numbers=numbers,
    )
    return Written(body, "summary_statistics")


def _numeric(at: Places) -> str:
    """Return the code of the numeric columns beside those that are grouped by."""
    by = at.listed("by")
    return f'{at.frame}.set_index({by}).select_dtypes("number").reset_index()'


def outliers(asked: Outliers, at: Places) -> Written:
    """Write the rows whose value is beyond the limit, the farthest first."""
    start = f"value = {at.column('value')}.astype(float)\n"
    if asked.by:
        start += f"groups = value.groupby([{_parts(at)}], dropna=False)\n"
    measures = {
        "iqr": """
            low, high = «first», «third»
            distance = np.maximum(low - value, value - high) / (high - low)
            """,
        "zscore": """
            distance = (value - «mean»).abs() / «deviation»
            """,
        "mad": """
            middle = «median»
            distance = 0.6745 * (value - middle).abs() / «absolute»
            """,
    }
    grouped = bool(asked.by)
    of = 'groups.transform("{}"{})' if grouped else "value.{}({})"
    body = start + lines(
        measures[asked.measure],
        first=of.format("quantile", ", 0.25" if grouped else "0.25"),
        third=of.format("quantile", ", 0.75" if grouped else "0.75"),
        mean=of.format("mean", ""),
        deviation=of.format("std", ""),
        median=of.format("median", ""),
        absolute=(
            f'(value - middle).abs().groupby([{_parts(at)}], dropna=False).transform("median")'
            if grouped
            else "(value - middle).abs().median()"
        ),
    )
    body += "\n" + lines(
        """
        outliers = «frame».assign(distance=distance)
        outliers = outliers[distance > outlier_limit].sort_values("distance", ascending=False)
        print(f"{len(outliers):,} of {value.count():,} values are beyond {outlier_limit:g} («what»);",
              f"they sum to {value[outliers.index].sum():,.2f} of {value.sum():,.2f}")
        if not np.isfinite(distance).any():
            print("The values don't differ enough to measure a distance.")
        """,
        frame=at.frame,
        what={
            "iqr": "quartile ranges outside the quartiles",
            "zscore": "standard deviations from the mean",
            "mad": "median deviations from the median",
        }[asked.measure],
    )
    limit = asked.limit or LIMITS[asked.measure]
    return Written(body, "outliers", NUMPY, {"outlier_limit": limit})


def _parts(at: Places) -> str:
    return ", ".join(f"{at.frame}[{name}]" for name in at.names["by"])


def trend(asked: Trend, at: Places) -> Written:
    """Write the value of each period; periods without rows count as 0, unless a mean is asked."""
    parts = {
        "frame": at.frame,
        "date": at.column("date"),
        "value": at.name("value"),
        "frequency": FREQUENCIES[asked.every],
        "how": asked.how,
        "fill": "" if asked.how == "mean" else ", fill_value=0",
        "by": ", ".join(f"{at.frame}[{name}]" for name in at.names.get("by", ())),
    }
    body = lines(
        """
        period = «date».dt.to_period("«frequency»")
        every = pd.period_range(period.min(), period.max(), freq="«frequency»", name="period")
        """,
        **parts,
    )
    if asked.by:
        body += "\n" + lines(
            """
            by_period = «frame»[«value»].groupby([period, «by»]).«how»()
            by_period = by_period.unstack(list(range(1, by_period.index.nlevels)))
            by_period = by_period.reindex(every«fill»)«zeros»
            step = np.arange(len(by_period))
            trend = pd.DataFrame({
                "first": by_period.iloc[0],
                "last": by_period.iloc[-1],
                "total": by_period.sum(),
                "change a period": by_period.apply(
                    lambda column: np.polyfit(step[column.notna()], column.dropna(), 1)[0]
                    if column.count() > 1 else np.nan
                ),
            }).reset_index()
            print(by_period.to_string())
            """,
            **parts,
            zeros="" if asked.how == "mean" else ".fillna(0)",
        )
        return Written(body, "trend", NUMPY)
    body += "\n" + lines(
        """
        trend = «frame»[«value»].groupby(period).«how»().reindex(every«fill»).to_frame("value")
        trend["change"] = trend["value"].diff()
        trend["change %"] = 100 * trend["change"] / trend["value"].shift().abs()
        known = trend["value"].notna().to_numpy()
        step = np.arange(len(trend))
        slope, start = np.polyfit(step[known], trend["value"][known], 1) if known.sum() > 1 else (0, np.nan)
        trend["line"] = start + slope * step
        fit = trend["value"].corr(trend["line"]) ** 2
        print(f"{len(trend)} periods, {slope:,.2f} a period by the straight line (R² {fit:.3f})")
        for ahead in range(1, trend_ahead + 1):
            print(f"{trend.index[-1] + ahead}: {start + slope * (len(trend) - 1 + ahead):,.2f} by that line")
        trend = trend.reset_index()
        trend["period"] = trend["period"].astype(str)
        """,
        **parts,
    )
    return Written(body, "trend", NUMPY, {"trend_ahead": asked.ahead})
