"""What is known of workbooks: a file in, a value out."""
