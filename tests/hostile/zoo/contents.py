"""Files that hold no video, or another one than their names say."""

import io
import os
import random
from pathlib import Path

import numpy as np

from ..encoding import encode, scene
from .specimens import Collection

CONTENTS = Collection()


def jpeg(size: tuple[int, int] = (48, 64)) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(scene(1, size)[0]).save(buffer, "JPEG")
    return buffer.getvalue()


def add_sound(output, codec: str, rate: int = 44100):
    stream = output.add_stream(codec, rate=rate)
    stream.layout = "mono"
    return stream


def write_sound(output, stream, seconds: float = 0.3) -> None:
    import av

    rate, format_ = stream.rate, stream.codec_context.format.name
    dtype = {"fltp": np.float32, "s16": np.int16, "s32p": np.int32}[format_]
    for start in range(0, int(rate * seconds), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype), format_, "mono")
        frame.sample_rate, frame.pts = rate, start
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


def sound_file(path: Path, codec: str) -> Path:
    import av

    with av.open(str(path), "w") as output:
        write_sound(output, add_sound(output, codec))
    return path


@CONTENTS.add("error", "is empty")
def zero_bytes(folder):
    path = folder / "empty.webm"
    path.touch()
    return path


@CONTENTS.add("error")
def one_byte(folder):
    path = folder / "one.avi"
    path.write_bytes(b"R")
    return path


@CONTENTS.add("error")
def text(folder):
    path = folder / "text.mp4"
    path.write_text("Sorry, this video is not available in your country.\n" * 40)
    return path


@CONTENTS.add("error")
def page_of_an_error(folder):
    path = folder / "page.avi"
    path.write_text("<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>")
    return path


@CONTENTS.add("error")
def noise(folder):
    path = folder / "noise.mkv"
    path.write_bytes(random.Random(0).randbytes(50_000))
    return path


@CONTENTS.add("error")
def only_zeros(folder):
    path = folder / "zeros.mp4"
    path.write_bytes(bytes(50_000))
    return path


@CONTENTS.add("error")
def a_hole(folder):
    # As a download that was begun leaves it: the size is right and takes no room.
    path = folder / "hole.mp4"
    path.touch()
    os.truncate(path, 2**40)
    return path


@CONTENTS.add("describes")
def mp4_called_avi(folder):
    made = encode(folder / "made.mp4", scene(20))
    return made.rename(folder / "film.avi")


@CONTENTS.add("describes")
def webm_without_an_ending(folder):
    made = encode(folder / "made.webm", scene(20), "libvpx")
    return made.rename(folder / "film")


@CONTENTS.add("either", loss=None)
def jpeg_called_mp4(folder):
    path = folder / "picture.mp4"
    path.write_bytes(jpeg())
    return path


@CONTENTS.add("either", loss=None)
def animated_png_called_mp4(folder):
    made = encode(folder / "made.apng", scene(20), "apng", pixels="rgb24")
    return made.rename(folder / "film.mp4")


@CONTENTS.add("either", loss=None)
def animated_webp_called_mp4(folder):
    from PIL import Image

    first, *others = [Image.fromarray(frame) for frame in scene(5)]
    path = folder / "film.mp4"
    first.save(path, "WEBP", save_all=True, append_images=others, duration=40)
    return path


@CONTENTS.add("error", "no video stream")
def sound_alone_in_m4a(folder):
    return sound_file(folder / "sound.m4a", "aac")


@CONTENTS.add("error", "no video stream")
def sound_alone_in_wav(folder):
    return sound_file(folder / "sound.wav", "pcm_s16le")


@CONTENTS.add("error", "no video stream")
def sound_alone_called_mp4(folder):
    return sound_file(folder / "sound.wav", "pcm_s16le").rename(folder / "sound.mp4")


@CONTENTS.add("error")
def song_with_a_cover(folder):
    # A picture of the record's cover is a video stream to FFmpeg; it is no video.
    sound = sound_file(folder / "plain.mp3", "mp3").read_bytes()
    picture = b"\0image/jpeg\0\x03\0" + jpeg()
    frame = b"APIC" + len(picture).to_bytes(4, "big") + b"\0\0" + picture
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path = folder / "song.mp3"
    path.write_bytes(b"ID3\x03\0\0" + size + frame + sound)
    return path


def _with_attachment(path: Path, *, film: bool) -> Path:
    """Write sound and a cover picture, and a film if asked for, into Matroska."""
    import av

    with av.open(str(path), "w") as output:
        if film:
            video = output.add_stream("libx264", rate=25)
            video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        sound = add_sound(output, "aac")
        output.add_attachment("cover.jpg", "image/jpeg", jpeg((600, 600)))
        if film:
            for pixels in scene(20):
                output.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            output.mux(video.encode())
        write_sound(output, sound)
    return path


@CONTENTS.add("error")
def sound_with_a_cover_in_matroska(folder):
    return _with_attachment(folder / "song.mkv", film=False)


@CONTENTS.add("describes")
def film_with_a_larger_cover_in_matroska(folder):
    return _with_attachment(folder / "film.mkv", film=True)


@CONTENTS.add("describes")
def two_films_in_one_file(folder):
    import av

    path = folder / "two.mkv"
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, size in zip(streams, ((48, 64), (24, 32)), strict=True):
            stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for large, small in zip(scene(20), scene(20, (24, 32)), strict=True):
            for stream, pixels in zip(streams, (large, small), strict=True):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for stream in streams:
            output.mux(stream.encode())
    return path


@CONTENTS.add("error")
def film_without_frames(folder):
    import av

    path = folder / "none.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        write_sound(output, add_sound(output, "aac"))
    return path


@CONTENTS.add("error")
def film_without_packets(folder):
    import av

    path = folder / "none.avi"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        output.start_encoding()
    return path


@CONTENTS.add("error")
def stream_of_an_unknown_codec(folder):
    path = encode(folder / "unknown.avi", scene(20), "mpeg4")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"FMP4", b"QQQQ"))
    return path
