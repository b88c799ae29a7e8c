"""Tables in files: CSV and TSV, JSON and JSON Lines, Parquet. A value is what its file says, whatever it looks like."""
