"""The rows of the table, one module per group; each has `measure(bench)`, which returns a list of `table.Row`."""
