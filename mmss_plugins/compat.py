"""The only module that knows versions of the MM stack (first cut)."""


def setup() -> None:
    """Make the installed stack usable."""
