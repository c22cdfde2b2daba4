"""The engine of the trainings, which an extra installs."""

from __future__ import annotations

__all__ = ["check_skorch"]


def check_skorch(what: str) -> None:
    """Say how to install skorch where it is missing.

    Parameters
    ----------
    what : str
        Needs it.

    Raises
    ------
    ImportError
        If it cannot be imported.
    """
    try:
        import skorch  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{what} needs skorch, which cannot be imported ({error}): "
            "pip install 'skvideo3d[train]'."
        ) from error
