"""Where to compute, and in which precision a device does it natively."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .spec import Precision

__all__ = ["Device", "are_processors", "resolve_precision", "usable_device", "usable_devices"]

Device = str | Sequence[str] | None

# What torch calls products of bfloat16 numbers on x86 processors and on ARM's.
_NATIVE_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")


def usable_devices(device: Device) -> tuple[str, ...]:
    """Choose where to compute.

    Parameters
    ----------
    device : str, sequence of str or None
        None is CUDA where there is one, else the CPU.

    Returns
    -------
    tuple of str
        The devices, with the CPU for CUDA where there is none: a fitted model moves.

    Raises
    ------
    ValueError
        If torch knows no such device, or this machine has fewer.
    """
    if device is None or isinstance(device, str):
        return (usable_device(device),)
    if not device:
        raise ValueError(f"device={device!r} names no device; use None, a device or several.")
    found = tuple(
        _usable(entry, f"device={device!r}: entry {place}, {entry!r},")
        for place, entry in enumerate(device)
    )
    # Several GPUs of another machine are one CPU here, not one each.
    return found if found == tuple(device) else tuple(dict.fromkeys(found))


def usable_device(device: str | None) -> str:
    """Choose one device, as `usable_devices` does.

    Parameters
    ----------
    device : str or None

    Returns
    -------
    str
    """
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    return _usable(device, f"device={device!r}")


def _usable(device: Any, mention: str) -> str:
    import torch

    try:
        if not isinstance(device, str):
            raise RuntimeError("it is no name of a torch device")
        kind = torch.device(device).type
        if kind == "cuda" and not torch.cuda.is_available():
            return "cpu"
        torch.zeros(1, device=device).cpu()  # "meta" has no numbers to give
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"{mention} cannot be used: {str(error).splitlines()[0]}. Use None for CUDA where "
            "there is one, else the CPU."
        ) from error
    return device


def are_processors(devices: Sequence[str]) -> bool:
    """Tell whether nothing but the CPU computes.

    Parameters
    ----------
    devices : sequence of str
        From `usable_devices`.

    Returns
    -------
    bool
    """
    import torch

    return all(torch.device(device).type == "cpu" for device in devices)


def resolve_precision(precision: str, *devices: str) -> Precision:
    """Turn "auto" into what the devices compute natively.

    Parameters
    ----------
    precision : {"float32", "bfloat16", "float16", "auto"}
    *devices : str
        From `usable_devices`.

    Returns
    -------
    {"float32", "bfloat16", "float16"}
        For "auto" bfloat16 where all of the devices have instructions for it, else float32.
    """
    if precision != "auto":
        return precision  # type: ignore[return-value]
    return "bfloat16" if all(map(_has_bfloat16, devices)) else "float32"


def _has_bfloat16(device: str) -> bool:
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        # is_bf16_supported asks about one device and is content with emulation.
        return torch.cuda.get_device_capability(device)[0] >= 8
    if kind != "cpu":
        return False
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in _NATIVE_BFLOAT16)
