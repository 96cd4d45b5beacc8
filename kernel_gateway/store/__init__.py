"""The database: tables, migrations, and one repository per kind of row."""
