"""Files from frames and cells: what pandas, openpyxl and xlsxwriter write in a kernel."""
