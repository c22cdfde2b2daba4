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

        before: Any = torch.get_float32_matmul_precision()
        self._undo.callback(torch.set_float32_matmul_precision, before)
        torch.set_float32_matmul_precision("highest")
        self._undo.enter_context(
            torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=False, allow_tf32=False
            )
        )


torch_settings = _TorchSettings()
