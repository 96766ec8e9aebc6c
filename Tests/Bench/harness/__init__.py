"""What the benchmarks share: the site under load, the load generator, pgbench, and the report."""
