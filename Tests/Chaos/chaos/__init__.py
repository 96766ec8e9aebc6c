"""The whole product under load, with faults: what `make chaos` is made of."""
