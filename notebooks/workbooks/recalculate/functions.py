"""Which functions LibreOffice computes as Excel does, and which formulas it can't compute.

Sources: Microsoft's list of Excel functions; LibreOffice's map of functions in Office Open XML
(oox/source/xls/formulabase.cxx) and its release notes; [MS-XLSX] 2.2.2.1 (future functions).
"""

from __future__ import annotations

import re

from ..check.formulas import LOCAL, NEW

COMPUTED = frozenset(
    "ABS ACCRINT ACCRINTM ACOS ACOSH ACOT ACOTH ADDRESS AGGREGATE AMORDEGRC AMORLINC AND ARABIC "
    "AREAS ASIN ASINH ATAN ATAN2 ATANH AVEDEV AVERAGE AVERAGEA AVERAGEIF AVERAGEIFS BASE BESSELI "
    "BESSELJ BESSELK BESSELY BETA.DIST BETA.INV BETADIST BETAINV BIN2DEC BIN2HEX BIN2OCT "
    "BINOM.DIST BINOM.INV BINOMDIST BITAND BITLSHIFT BITOR BITRSHIFT BITXOR CEILING CEILING.MATH "
    "CEILING.PRECISE CHAR CHIDIST CHIINV CHISQ.DIST CHISQ.DIST.RT CHISQ.INV CHISQ.INV.RT "
    "CHISQ.TEST CHITEST CHOOSE CLEAN CODE COLUMN COLUMNS COMBIN COMBINA COMPLEX CONCAT "
    "CONCATENATE CONFIDENCE CONFIDENCE.NORM CONFIDENCE.T CONVERT CORREL COS COSH COT COTH COUNT "
    "COUNTA COUNTBLANK COUNTIF COUNTIFS COUPDAYBS COUPDAYS COUPDAYSNC COUPNCD COUPNUM COUPPCD "
    "COVAR COVARIANCE.P COVARIANCE.S CRITBINOM CSC CSCH CUMIPMT CUMPRINC DATE DATEDIF DATEVALUE "
    "DAVERAGE DAY DAYS DAYS360 DB DCOUNT DCOUNTA DDB DEC2BIN DEC2HEX DEC2OCT DECIMAL DEGREES "
    "DELTA DEVSQ DGET DISC DMAX DMIN DOLLAR DOLLARDE DOLLARFR DPRODUCT DSTDEV DSTDEVP DSUM "
    "DURATION DVAR DVARP EDATE EFFECT EOMONTH ERF ERF.PRECISE ERFC ERFC.PRECISE ERROR.TYPE EVEN "
    "EXACT EXP EXPON.DIST EXPONDIST F.DIST F.DIST.RT F.INV F.INV.RT F.TEST FACT FACTDOUBLE FALSE "
    "FDIST FIND FINV FISHER FISHERINV FIXED FLOOR FLOOR.MATH FLOOR.PRECISE FORECAST "
    "FORECAST.LINEAR FREQUENCY FTEST FV FVSCHEDULE GAMMA GAMMA.DIST GAMMA.INV GAMMADIST GAMMAINV "
    "GAMMALN GAMMALN.PRECISE GAUSS GCD GEOMEAN GESTEP GROWTH HARMEAN HEX2BIN HEX2DEC HEX2OCT "
    "HLOOKUP HOUR HYPERLINK HYPGEOM.DIST HYPGEOMDIST IF IFERROR IFNA IFS IMABS IMAGINARY "
    "IMARGUMENT IMCONJUGATE IMCOS IMCOSH IMCOT IMCSC IMCSCH IMDIV IMEXP IMLN IMLOG10 IMLOG2 "
    "IMPOWER IMPRODUCT IMREAL IMSEC IMSECH IMSIN IMSINH IMSQRT IMSUB IMSUM IMTAN INDEX INDIRECT "
    "INT INTERCEPT INTRATE IPMT IRR ISBLANK ISERR ISERROR ISEVEN ISFORMULA ISLOGICAL ISNA "
    "ISNONTEXT ISNUMBER ISO.CEILING ISODD ISOWEEKNUM ISPMT ISREF ISTEXT KURT LARGE LCM LEFT LEN "
    "LINEST LN LOG LOG10 LOGEST LOGINV LOGNORM.DIST LOGNORM.INV LOGNORMDIST LOOKUP LOWER MATCH "
    "MAX MAXA MAXIFS MDETERM MDURATION MEDIAN MID MIN MINA MINIFS MINUTE MINVERSE MIRR MMULT MOD "
    "MODE MODE.MULT MODE.SNGL MONTH MROUND MULTINOMIAL MUNIT N NA NEGBINOM.DIST NEGBINOMDIST "
    "NETWORKDAYS NETWORKDAYS.INTL NOMINAL NORM.DIST NORM.INV NORM.S.DIST NORM.S.INV NORMDIST "
    "NORMINV NORMSDIST NORMSINV NOT NOW NPER NPV NUMBERVALUE OCT2BIN OCT2DEC OCT2HEX ODD "
    "ODDFPRICE ODDFYIELD ODDLPRICE ODDLYIELD OFFSET OR PDURATION PEARSON PERCENTILE "
    "PERCENTILE.EXC PERCENTILE.INC PERCENTRANK PERCENTRANK.EXC PERCENTRANK.INC PERMUT "
    "PERMUTATIONA PHI PI PMT POISSON POISSON.DIST POWER PPMT PRICE PRICEDISC PRICEMAT PROB "
    "PRODUCT PROPER PV QUARTILE QUARTILE.EXC QUARTILE.INC QUOTIENT RADIANS RAND RANDBETWEEN RANK "
    "RANK.AVG RANK.EQ RATE RECEIVED REPLACE REPT RIGHT ROMAN ROUND ROUNDDOWN ROUNDUP ROW ROWS RRI "
    "RSQ SEARCH SEC SECH SECOND SERIESSUM SHEET SHEETS SIGN SIN SINH SKEW SKEW.P SLN SLOPE SMALL "
    "SQRT SQRTPI STANDARDIZE STDEV STDEV.P STDEV.S STDEVA STDEVP STDEVPA STEYX SUBSTITUTE "
    "SUBTOTAL SUM SUMIF SUMIFS SUMPRODUCT SUMSQ SUMX2MY2 SUMX2PY2 SUMXMY2 SWITCH SYD T T.DIST "
    "T.DIST.2T T.DIST.RT T.INV T.INV.2T T.TEST TAN TANH TBILLEQ TBILLPRICE TBILLYIELD TDIST TEXT "
    "TEXTJOIN TIME TIMEVALUE TINV TODAY TRANSPOSE TREND TRIM TRIMMEAN TRUE TRUNC TTEST TYPE "
    "UNICHAR UNICODE UPPER VALUE VAR VAR.P VAR.S VARA VARP VARPA VDB VLOOKUP WEEKDAY WEEKNUM "
    "WEIBULL WEIBULL.DIST WORKDAY WORKDAY.INTL XIRR XNPV XOR YEAR YEARFRAC YIELD YIELDDISC "
    "YIELDMAT Z.TEST ZTEST".split()
)
"""Functions that LibreOffice 7.4 computes, and later ones."""
LATER: tuple[tuple[tuple[int, int], frozenset[str]], ...] = (
    (
        (24, 8),
        frozenset("FILTER LET RANDARRAY SEQUENCE SORT SORTBY UNIQUE XLOOKUP XMATCH".split()),
    ),
    (
        (25, 8),
        frozenset(
            "CHOOSECOLS CHOOSEROWS DROP EXPAND HSTACK TAKE TEXTAFTER TEXTBEFORE TEXTSPLIT TOCOL "
            "TOROW VSTACK WRAPCOLS WRAPROWS".split()
        ),
    ),
)
"""Functions that LibreOffice computes from a version on."""
NOT_COMPUTED = frozenset(
    "ANCHORARRAY ARRAYTOTEXT ASC BAHTTEXT BINOM.DIST.RANGE BYCOL BYROW CALL CELL COPILOT "
    "CUBEKPIMEMBER CUBEMEMBER CUBEMEMBERPROPERTY CUBERANKEDMEMBER CUBESET CUBESETCOUNT CUBEVALUE "
    "DBCS DDE DETECTLANGUAGE ENCODEURL EUROCONVERT FIELDVALUE FILTERXML FINDB FORECAST.ETS "
    "FORECAST.ETS.CONFINT FORECAST.ETS.SEASONALITY FORECAST.ETS.STAT FORMULATEXT GETPIVOTDATA "
    "GROUPBY IMAGE IMPORTCSV IMPORTTEXT INFO ISOMITTED JIS LAMBDA LEFTB LENB MAKEARRAY MAP MIDB "
    "PERCENTOF PHONETIC PIVOTBY PY REDUCE REGEXEXTRACT REGEXREPLACE REGEXTEST REGISTER "
    "REGISTER.ID REPLACEB RIGHTB RTD SCAN SEARCHB SINGLE SQL.REQUEST STOCKHISTORY TRANSLATE "
    "TRIMRANGE USDOLLAR VALUETOTEXT WEBSERVICE".split()
)
"""Excel's other functions: LibreOffice lacks them, reaches outside, or counts otherwise."""
_STRINGS = re.compile(r'"(?:[^"]|"")*"')
_SHEETS = re.compile(r"'(?:[^']|'')*'")
_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_CALL = re.compile(r"([^\W\d][\w.]*)\s*\(")
_OUTSIDE = re.compile(
    r"\[\d+\]|\||_xll\.|_xlbgnm\."
    r"|'(?:[^']|'')*\[(?:[^']|'')*'!"  # '[Budget 2026.xlsx]Sheet1'!; a sheet's name has no [
    r"|\[[^\[\]]+\][^\W\d][\w.]*!",  # [Budget.xlsx]Sheet1!
    re.IGNORECASE,
)
OUTSIDE = "a reference to another workbook or program"


def lacking(
    text: str,
    version: tuple[int, int],
    names: frozenset[str] = frozenset(),
    *,
    macros: bool = False,
) -> list[str]:
    """Return why LibreOffice can't compute a formula: functions, or what it refers to.

    Args:
        text: The formula.
        version: LibreOffice's version.
        names: The workbook's own names, in capitals: they may be functions (LAMBDA).
        macros: The workbook has macros, which may be functions.

    Returns:
        Names of functions, or what else it lacks; empty if it can be computed. A function
        that neither program has is computed: it gives ``#NAME?`` in both.
    """
    bare = _SHEETS.sub("S", _STRINGS.sub('""', text))
    found = [OUTSIDE] if _OUTSIDE.search(_outside(text)) else []
    while (inner := _BRACKETS.sub("", bare)) != bare:
        bare = inner  # names of columns in references to tables
    later = {name for since, news in LATER if version >= since for name in news}
    every_later = {name for _, news in LATER for name in news}
    for name in dict.fromkeys(_CALL.findall(bare)):
        prefix, plain = _divided(name.upper())
        known = plain in COMPUTED or plain in later
        unprefixed = plain in NEW and not prefix  # Excel shows #NAME?, LibreOffice may not
        lacked = plain in NOT_COMPUTED | every_later | LOCAL or prefix or macros or plain in names
        if unprefixed:
            found.append(f"{plain} without {future_name(plain)}")
        elif not known and lacked:
            found.append(plain)
    return found


def future_name(function: str) -> str:
    """Return how a file names a function newer than 2007."""
    return f"_xlfn._xlws.{function}" if function in ("FILTER", "SORT") else f"_xlfn.{function}"


def _divided(name: str) -> tuple[str, str]:
    """Return a function's prefix and its name without it."""
    plain = name.removeprefix("_XLFN.").removeprefix("_XLWS.")
    return name.removesuffix(plain), plain


def _outside(text: str) -> str:
    """Return a formula without its texts; a quoted sheet may be one of another workbook."""
    return _STRINGS.sub('""', text)
