"""What Daybook costs, measured beside what people use today: one module per group of rows."""
