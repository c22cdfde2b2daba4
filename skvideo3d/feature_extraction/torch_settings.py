"""What of torch's process-wide settings would move descriptors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

__all__ = ["torch_settings"]


class _TorchSettings:
    """Torch's settings as descriptors need them, while anybody computes, then as they were.

    They hold in the whole process, and the caller's would move descriptors that the store keeps:
    TF32, which cuDNN uses unless told otherwise, would cost three digits.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._n_users = 0
        self._undo = ExitStack()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold them for a ``with`` block; blocks of several threads may overlap."""
        with self._guard:
            if self._n_users == 0:
                self._set()
            self._n_users += 1
        try:
            yield
        finally:
            with self._guard:
                self._n_users -= 1
                if self._n_users == 0:
                    self._undo.close()

    def _set(self) -> None:
        import torch

        with ExitStack() as undo:  # if a setting is refused, those before it come back
            for owner, name, value in _settings(torch):
                undo.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, value)
            self._undo = undo.pop_all()


def _settings(torch: Any) -> Iterator[tuple[Any, str, Any]]:
    """List owners, names and values, of those that this torch has."""
    backends = torch.backends
    cudnn = backends.cudnn
    yield from ((cudnn, "enabled", True), (cudnn, "benchmark", False))
    yield cudnn, "deterministic", False
    if hasattr(backends.cuda.matmul, "fp32_precision"):
        # A caller may have used these or the older names, and torch refuses to answer by those once
        # these have been used.
        for owner in (
            backends.cuda.matmul,
            cudnn.conv,
            backends.mkldnn.matmul,
            backends.mkldnn.conv,
        ):
            yield owner, "fp32_precision", "ieee"
    else:
        yield backends.cuda.matmul, "allow_tf32", False
        yield cudnn, "allow_tf32", False


torch_settings = _TorchSettings()
