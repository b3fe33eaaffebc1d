"""Code that is run to be recorded, not for its result."""

from __future__ import annotations

import torch


def being_traced() -> bool:
    """Whether a model is being traced, exported or compiled.

    Sizes may then be symbols that stand for any number: code that takes another way at one size
    would tie the recorded model to that size. ``torch.jit.trace``, ``torch.export``,
    ``torch.onnx.export`` and ``torch.compile`` count.
    """
    return torch.jit.is_tracing() or torch.compiler.is_compiling()
