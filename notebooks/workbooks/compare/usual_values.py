"""What is so of a sheet that does not state it: a writer may state it, and another leave it out.

Source: ECMA-376 part 1, section 18.3.
"""

from __future__ import annotations

TRUTHS = {"true": "1", "false": "0"}
UNPROTECTED = dict.fromkeys(
    ("sheet", "objects", "scenarios", "content", "selectLockedCells", "selectUnlockedCells"), "0"
)
"""What is so of a protected sheet that does not state it; all else is protected ("1").

Source: ECMA-376 part 1, section 18.3.1.85 (sheetProtection).
"""
USUAL_CHOICE = {"errorStyle": "stop", "operator": "between", "imeMode": "noControl"}
"""What is so of a validation that does not state it (section 18.3.1.32)."""
USUAL_FILTER = {
    "top10": {"top": "1", "percent": "0"}, "customFilters": {"and": "0"},
    "customFilter": {"operator": "equal"}, "filters": {"blank": "0", "calendarType": "none"},
    "colorFilter": {"cellColor": "1"}, "filterColumn": {"hiddenButton": "0", "showButton": "1"},
    "sortState": {"columnSort": "0", "caseSensitive": "0", "sortMethod": "none"},
    "sortCondition": {"descending": "0", "sortBy": "value", "iconSet": "3Arrows"},
}  # fmt: skip
"""What is so of a filter that does not state it (section 18.3.2)."""
USUAL_PAGE = {
    "pageMargins": {"left": "0.75", "right": "0.75", "top": "1", "bottom": "1", "header": "0.5",
                    "footer": "0.5"},
    "pageSetup": {"paperSize": "1", "scale": "100", "firstPageNumber": "1", "fitToWidth": "1",
                  "fitToHeight": "1", "pageOrder": "downThenOver", "orientation": "default",
                  "usePrinterDefaults": "1", "errors": "displayed", "horizontalDpi": "600",
                  "verticalDpi": "600", "copies": "1"},
    "printOptions": {"gridLinesSet": "1"},
    "headerFooter": {"scaleWithDoc": "1", "alignWithMargins": "1"},
}  # fmt: skip
"""What is so of a page that does not state it.

Source: ECMA-376 part 1, sections 18.3.1.46, 18.3.1.62, 18.3.1.63 and 18.3.1.70.
"""
