"""The methods of OpenCV, and what must be installed for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cv2

__all__ = ["OPENCV_METHODS", "opencv_method"]

OPENCV_METHODS = ("tvl1", "dis")


def opencv_method(name: str) -> cv2.DenseOpticalFlow:
    """Make one of OpenCV's methods; what it returns may be used by one thread at a time.

    Parameters
    ----------
    name : {"tvl1", "dis"}
        TV-L1 of Zach et al. 2007 with OpenCV's defaults, which the authors of I3D point to (tau
        0.25, lambda 0.15, theta 0.3, 5 scales, 5 warps, epsilon 0.01); or DIS of Kroeger et al.
        2016 with OpenCV's preset MEDIUM, which on generated motion is twice as accurate as FAST.

    Returns
    -------
    cv2.DenseOpticalFlow
        With ``calc(previous, following, None)`` for grey frames.

    Raises
    ------
    ImportError
        If OpenCV is missing, or is a build without TV-L1.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"Optical flow by {name!r} needs OpenCV, which cannot be imported ({error}): install "
            "the package opencv-contrib-python-headless, pip install 'skvideo3d[flow]', or give "
            "OpticalFlow a callable."
        ) from error
    if name == "dis":
        return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    if not hasattr(cv2, "optflow"):
        raise ImportError(
            f"Optical flow by 'tvl1' needs cv2.optflow, which the OpenCV {cv2.__version__} of "
            f"{cv2.__file__!r} does not have: it is in opencv-contrib-python-headless, but "
            "packages of OpenCV overwrite each other. Uninstall all of them (pip uninstall "
            "opencv-python opencv-python-headless opencv-contrib-python "
            "opencv-contrib-python-headless), then pip install 'skvideo3d[flow]'; or use "
            "OpticalFlow('dis')."
        )
    return cv2.optflow.DualTVL1OpticalFlow.create()
