"""What analysts work with: the events and views as Parquet files, SQL over them, and folds of their own."""
