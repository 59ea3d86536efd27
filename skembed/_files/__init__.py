"""Files: CSV, Parquet and Arrow read batch by batch, and any file written whole."""
