"""The errors of skvideo3d, each of them also the built-in error a caller would expect."""

__all__ = [
    "CheckpointError",
    "DownloadError",
    "FlowError",
    "SkVideo3DError",
    "VideoDecodeError",
    "VideoNotFoundError",
    "VideoTimeoutError",
]


class SkVideo3DError(Exception):
    """Base of every error that skvideo3d raises on purpose."""


class VideoDecodeError(SkVideo3DError, ValueError):
    """A video cannot be turned into frames; the message names it and the reason."""


class VideoNotFoundError(VideoDecodeError, FileNotFoundError):
    """A path in X leads to nothing."""

    # OSError formats (errno, strerror); these carry one message.
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class VideoTimeoutError(VideoDecodeError, TimeoutError):
    """Reading a video took longer than it may."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class FlowError(SkVideo3DError, ValueError):
    """Optical flow of a video cannot be computed: its frames, or what a callable made of them."""


class CheckpointError(SkVideo3DError, ValueError):
    """A weights file is not what it should be: layout, keys, shapes or content."""


class DownloadError(SkVideo3DError, OSError):
    """A weights file could not be fetched or verified; the message names address and folder."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""
