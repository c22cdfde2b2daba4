"""Numbers out of a MATLAB file; of a damaged one scipy's reader can take its process down."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.video.isolation import call_isolated, is_isolation_possible
from skvideo3d.video.limits import ReadingLimits

__all__ = ["found_in", "read_numbers"]

_MATLAB_7_3: Final = 2  # as scipy numbers the versions of the format
_SECONDS: Final = 120.0
_MOST_VALUES: Final = 200_000


def read_numbers(path: str, variable: str, advice: str) -> NDArray[np.float64]:
    """Read an array of numbers, in another process where that is possible.

    Parameters
    ----------
    path : str
    variable : str
        Its name.
    advice : str
        What to do if it is not there, for the end of the error.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        If the file is damaged, of MATLAB 7.3, or has no such array.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from scipy.io import savemat
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     savemat(Path(folder, "a.mat"), {"x": np.arange(6.0).reshape(2, 3)})
    ...     read_numbers(str(Path(folder, "a.mat")), "x", "write it again.")
    array([[0., 1., 2.],
           [3., 4., 5.]])
    """
    try:
        if is_isolation_possible():
            limits = ReadingLimits(timeout=_SECONDS)
            found = call_isolated(f"{__name__}:{found_in.__name__}", path, variable, limits=limits)
        else:
            found = found_in(path, variable)
    except VideoDecodeError as error:
        found = {"damage": str(error)}
    if "damage" in found:
        raise ValueError(f"{path!r} cannot be read as a MATLAB file ({found['damage']}); {advice}")
    if "there" in found:
        named = ", ".join(map(repr, found["there"])) or "nothing"
        raise ValueError(
            f"{path!r} has no variable {variable!r}, but {named}. That is another file; {advice}"
        )
    if "other" in found:
        raise ValueError(f"{variable!r} of {path!r} is {found['other']}; {advice}")
    return np.array(found["values"], dtype=np.float64).reshape(found["shape"])


def found_in(path: str, variable: str) -> dict[str, Any]:
    """Look into a MATLAB file, in this process.

    Parameters
    ----------
    path : str
    variable : str

    Returns
    -------
    dict
        Of what JSON has: "values" and "shape", or in words "damage", "there" (names of variables)
        or "other" (what the variable is, if not numbers).
    """
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import matfile_version

    try:
        if matfile_version(path)[0] == _MATLAB_7_3:
            return {
                "damage": "it is of MATLAB 7.3 (HDF5), which is not read here: in MATLAB, "
                "save(..., '-v7') writes what is"
            }
        there = [name for name, *_ in whosmat(path)]
        content = loadmat(path, variable_names=[variable])
    except Exception as error:  # damage shows itself as anything, down to MemoryError
        return {"damage": f"{type(error).__name__}: {error}"[:300]}
    if variable not in content:
        return {"there": there}
    table = content[variable]
    if not isinstance(table, np.ndarray):
        return {"other": f"a {type(table).__name__}"}
    if table.dtype.kind not in "buif" or table.size > _MOST_VALUES:
        return {"other": f"of shape {table.shape} and type {table.dtype}"}
    return {"values": table.ravel().tolist(), "shape": list(table.shape)}
