"""The error that ends a benchmark."""


class Problem(Exception):
    """An error whose message names the place, the problem and the remedy."""
