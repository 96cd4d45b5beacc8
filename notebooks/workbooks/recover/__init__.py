"""A damaged workbook read by LibreOffice, when every other reader has given up."""
