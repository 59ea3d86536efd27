"""Files of rows: CSV, Parquet and Arrow, read and written batch by batch."""
