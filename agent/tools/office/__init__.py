"""Tools that work on the workbook open in Excel, through a connected task pane."""
