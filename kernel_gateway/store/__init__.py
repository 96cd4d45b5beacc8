"""The database: tables and the one repository over them."""
