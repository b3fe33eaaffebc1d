"""What all tests need."""

import mmss_plugins  # noqa: F401  (makes the MM stack usable before a test imports it)
