"""What ends a benchmark."""


class Problem(Exception):
    """Says the place, the problem and the remedy."""
