"""Decoding with PyAV: what of a file is opened, and what its decoder says against it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import VideoDecodeError

from .limits import check_size

__all__ = [
    "Converter",
    "Decoding",
    "best_video_stream",
    "complaint_of",
    "listen_to_decoders",
    "open_container",
    "reason_of",
]

# What FFmpeg takes for a video although it leads to other files or addresses, to devices, or is a
# text. A file may be called anything: its content decides.
_REFUSED_FORMATS: Final = frozenset(
    (
        *("concat", "dash", "ffmetadata", "hls", "image2", "image2pipe", "imf", "lavfi", "rtp"),
        *("rtsp", "sap", "sdp", "tedcaptions", "tty", "vobsub", "webm_dash_manifest"),
    )
)

# What FFmpeg's logs say, once somebody listens: (level, name of the decoder or format, text).
_heard: list[tuple[int, str, str]] | None = None


def listen_to_decoders() -> None:
    """Have what decoders complain about, and hide by making up pixels, noted with the frames.

    For a process that decodes one video at a time: the complaints are the whole process's.
    """
    import av.logging

    global _heard  # noqa: PLW0603
    if _heard is None:
        av.logging.set_level(av.logging.ERROR)
        av.logging.set_skip_repeated(False)
        _heard = av.logging.Capture(local=False).__enter__()


def open_container(path: str, max_pixels: int) -> Any:
    """Open a file as a video.

    Parameters
    ----------
    path : str
    max_pixels : int
        Larger frames are not decoded.

    Returns
    -------
    av.container.InputContainer

    Raises
    ------
    VideoDecodeError
        If it is none.
    """
    import av

    if _heard:
        _heard.clear()  # of the file before
    try:
        return av.open(
            path,
            # Titles in legacy encodings are no reason to refuse the pictures.
            metadata_errors="replace",
            options={
                "format_whitelist": _formats(),
                "protocol_whitelist": "file",
                **_options(max_pixels),
            },
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = reason_of(error)
        if "not on whitelist" in str(error):
            reason = "it is a playlist or a text, which is not followed"
        raise VideoDecodeError(
            f"{path!r} cannot be opened as a video: {reason}. It is no video, or it is damaged at "
            "its start."
        ) from error


def best_video_stream(container: Any, path: str, max_pixels: int) -> Any:
    """Choose the video stream of a file and set its decoder up.

    Parameters
    ----------
    container : av.container.InputContainer
    path : str
    max_pixels : int

    Returns
    -------
    av.video.VideoStream

    Raises
    ------
    VideoDecodeError
        If there is none, or its frames are too large.
    """
    stream = container.streams.best("video")
    films = [one for one in container.streams.video if not _is_cover(one)]
    if stream is not None and _is_cover(stream):
        stream = films[0] if films else None
    if stream is None:
        kinds = {stream.type for stream in container.streams}
        if container.streams.video:
            kinds = kinds - {"video"} | {"cover picture"}
        raise VideoDecodeError(
            f"{path!r} has no video stream (it has: {', '.join(sorted(kinds)) or 'nothing'})."
        )
    context = stream.codec_context
    if context is None:
        raise VideoDecodeError(f"{path!r} has a video stream that no decoder here reads.")
    check_size(path, context.width, context.height, max_pixels)
    context.thread_count = 1  # the other cores are the network's
    context.options = _options(max_pixels)
    return stream


def _is_cover(stream: Any) -> bool:
    """Tell the picture on the cover of a recording from a film."""
    import av

    return bool(stream.disposition & av.stream.Disposition.attached_pic)


class Decoding:
    """The pictures of a stream, as many as there are, and what is wrong with them.

    Parameters
    ----------
    container : av.container.InputContainer
    stream : av.video.VideoStream
    path : str
    max_pixels : int

    Attributes
    ----------
    n_pictures : int
        Given so far.
    n_lost : int
        Packets so far that gave no picture because of damage.
    ending : str
        Why there are no more pictures, if there should be.
    """

    def __init__(self, container: Any, stream: Any, path: str, max_pixels: int) -> None:
        self._container = container
        self._stream = stream
        self._path = path
        self._max_pixels = max_pixels
        self.n_pictures = 0
        self.n_lost = 0
        self.ending = ""

    def pictures(self) -> Iterator[tuple[Any, str]]:
        """Decode.

        Yields
        ------
        picture : av.VideoFrame
        damage : str
            What was wrong with it, or with one since the last from which a decoder can start.
        """
        import av

        damage = unshown = ""
        # Small files are read whole at the opening, and not complained of again. What the decoder
        # said, which had a look at the first packets, it will say again.
        at_opening = complaint_of(self._container.format.name)
        names = self._stream.codec_context.name, self._container.format.name
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError, ValueError) as error:
                self.ending = reason_of(error)
                return
            if packet is None:
                break
            pictures, reason = [], "it was cut" if packet.is_corrupt else ""
            try:
                pictures = packet.decode()
            except (av.FFmpegError, ValueError) as error:
                reason = reason_of(error)
                self.n_lost += 1
            reason = complaint_of(*names) or reason
            unshown = unshown or reason
            for picture in pictures:
                if picture.key_frame:
                    damage = ""
                damage = unshown or damage or ("it was patched up" if picture.is_corrupt else "")
                unshown = ""
                self.n_pictures += 1
                check_size(self._path, picture.width, picture.height, self._max_pixels)
                yield picture, damage
        self.ending = unshown or at_opening


def complaint_of(*names: str) -> str:
    """Take what decoders or formats said since the last time.

    Parameters
    ----------
    *names : str
        Of those that are listened to; what others said is forgotten.

    Returns
    -------
    str
        The first complaint; empty without one, and where nobody listens.
    """
    if not _heard:
        return ""
    said = [f"{name}: {text.strip()}" for _, name, text in _heard if name in names]
    _heard.clear()
    return said[0] if said else ""


class Converter:
    """Pictures to pixels, with one set-up for the whole video."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()

    def pixels(self, picture: Any) -> NDArray[np.uint8]:
        """Give a picture's pixels upright.

        Parameters
        ----------
        picture : av.VideoFrame

        Returns
        -------
        ndarray of shape (height, width, 3), uint8, RGB
        """
        # By default, each conversion starts threads; at these sizes that costs more than it gains.
        rgb = self._reformatter.reformat(picture, format="rgb24", threads=1)
        pixels: NDArray[np.uint8] = np.asarray(rgb.to_ndarray(), np.uint8)
        # The rotation flag counts degrees counter-clockwise, as np.rot90 does.
        turns = round(picture.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def reason_of(error: BaseException) -> str:
    """Say why in the words of FFmpeg or of the system, without the path.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    str
    """
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")


@lru_cache(maxsize=1)
def _formats() -> str:
    import av

    return ",".join(sorted(av.formats_available - _REFUSED_FORMATS))


def _options(max_pixels: int) -> dict[str, str]:
    # FFmpeg counts the pixels around a frame that its decoders add: for every frame that comes out,
    # `check_size` is exact.
    return {"max_pixels": str(min(2 * max_pixels + 2**20, 2**31 - 1))}
