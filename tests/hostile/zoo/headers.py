"""Headers that claim what the file does not hold."""

import struct
import zlib
from fractions import Fraction
from pathlib import Path

from ..encoding import encode, scene
from .contents import jpeg
from .specimens import Collection

HEADERS = Collection()

_HUGE = 65535  # pixels a side: 4.3e9 in all, 13 GB as RGB


def patch(path: Path, name: bytes, offset: int, value: bytes, *, nth: int = 0) -> Path:
    """Overwrite bytes at an offset from where a name stands in a file."""
    content = bytearray(path.read_bytes())
    place = -1
    for _ in range(nth + 1):
        place = content.index(name, place + 1)
    content[place + offset : place + offset + len(value)] = value
    path.write_bytes(content)
    return path


def jpegs_as_video(path: Path, pictures: list[bytes]) -> Path:
    """Put JPEG files into a container as they are, one every 40 ms."""
    import av

    with av.open(str(path), "w") as output:
        stream = output.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        for number, picture in enumerate(pictures):
            packet = av.Packet(picture)
            packet.stream, packet.is_keyframe = stream, True
            packet.pts = packet.dts = 40 * number
            packet.time_base = Fraction(1, 1000)
            output.mux(packet)
    return path


def _little(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _big(value: int) -> bytes:
    return value.to_bytes(4, "big")


@HEADERS.add("describes", loss=True)
def avi_that_announces_ten_times_its_frames(folder):
    path = encode(folder / "more.avi", scene(20), "mpeg4")
    patch(path, b"avih", 8 + 16, _little(200))
    return patch(path, b"strh", 8 + 32, _little(200))


@HEADERS.add("describes", loss=True)
def avi_that_announces_4_billion_frames(folder):
    path = encode(folder / "more.avi", scene(20), "mpeg4")
    patch(path, b"avih", 8 + 16, _little(0xFFFFFFFF))
    return patch(path, b"strh", 8 + 32, _little(0xFFFFFFFF))


@HEADERS.add("describes", loss=None)
def avi_without_an_index(folder):
    path = encode(folder / "plain.avi", scene(20), "mpeg4")
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"idx1")])
    return path


@HEADERS.add("describes", loss=True)
def mp4_with_more_time_stamps_than_frames(folder):
    path = encode(folder / "more.mp4", scene(20), options={"bf": "0"})
    return patch(path, b"stts", 12, _big(2000))


@HEADERS.add("describes", loss=True)
def mp4_with_4_billion_time_stamps(folder):
    path = encode(folder / "more.mp4", scene(20), options={"bf": "0"})
    return patch(path, b"stts", 12, _big(0xFFFFFFFF))


@HEADERS.add("either", loss=None)
def mp4_with_a_table_of_4_billion_sizes(folder):
    path = encode(folder / "more.mp4", scene(20))
    return patch(path, b"stsz", 12, _big(0xFFFFFFFF))


@HEADERS.add("either", loss=None)
def mp4_with_a_million_frames_of_one_size(folder):
    # No table at all: all frames have one size, and there are as many as the header says.
    path = encode(folder / "more.mp4", scene(20))
    return patch(path, b"stsz", 8, _big(100) + _big(1_000_000))


@HEADERS.add("either", loss=None)
def mp4_whose_box_ends_before_it_begins(folder):
    return patch(encode(folder / "box.mp4", scene(20)), b"stbl", -4, _big(3))


@HEADERS.add("either", loss=None)
def mp4_whose_box_is_endless(folder):
    return patch(encode(folder / "box.mp4", scene(20)), b"trak", -4, _big(0x7FFFFFFF))


@HEADERS.add("error")
def mp4_of_boxes_in_boxes(folder):
    path = folder / "deep.mp4"
    inner = b""
    for _ in range(20_000):
        inner = _big(len(inner) + 8) + b"moov" + inner
    path.write_bytes(_big(16) + b"ftypisom" + _big(0) + inner)
    return path


@HEADERS.add("error")
def gif_of_4_billion_pixels(folder):
    path = folder / "huge.gif"
    size = struct.pack("<HH", _HUGE, _HUGE)
    frame = b"," + bytes(4) + size + b"\0\x02\x02\x4c\x01\0"
    path.write_bytes(b"GIF89a" + size + b"\x80\0\0\0\0\0\xff\xff\xff" + frame * 20 + b";")
    return path


def chunk_of_png(name: bytes, content: bytes) -> bytes:
    return _big(len(content)) + name + content + _big(zlib.crc32(name + content))


def huge_png(side: int = _HUGE) -> bytes:
    chunk = chunk_of_png
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(10_000_000), 9)  # 10 kB
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@HEADERS.add("error")
def png_of_4_billion_pixels_called_mp4(folder):
    path = folder / "huge.mp4"
    path.write_bytes(huge_png())
    return path


@HEADERS.add("error")
def bmp_of_4_billion_pixels(folder):
    header = struct.pack("<IiiHHIIiiII", 40, _HUGE, _HUGE, 1, 24, 0, 0, 0, 0, 0, 0)
    path = folder / "huge.bmp"
    path.write_bytes(b"BM" + struct.pack("<IHHI", 10_000, 0, 0, 54) + header + bytes(10_000))
    return path


@HEADERS.add("error")
def avi_of_jpegs_of_4_billion_pixels(folder):
    path = encode(folder / "huge.avi", scene(20), "mjpeg", pixels="yuvj420p")
    content = bytearray(path.read_bytes())
    place = 0
    while (place := content.find(b"\xff\xc0\0\x11\x08", place + 1)) > 0:
        content[place + 5 : place + 9] = struct.pack(">HH", 65500, 65500)
    path.write_bytes(content)
    for offset in (32, 36):
        patch(path, b"avih", 8 + offset, _little(65500))
    for offset in (4, 8):
        patch(path, b"strf", 8 + offset, _little(65500))
    return path


@HEADERS.add("error")
def raw_avi_of_4_billion_pixels(folder):
    path = encode(folder / "huge.avi", scene(20), "rawvideo", pixels="bgr24")
    for offset in (4, 8):
        patch(path, b"strf", 8 + offset, _little(_HUGE))
    return path


@HEADERS.add("either", loss=True)
def one_bomb_among_small_frames(folder):
    # Small frames, as the header says, and then one of 2**28 pixels.
    small = jpeg()
    place = small.index(b"\xff\xc0\0\x11\x08")
    bomb = small[: place + 5] + struct.pack(">HH", 2**14, 2**14) + small[place + 9 :]
    return jpegs_as_video(folder / "late.mkv", [small] * 30 + [bomb] + [small] * 9)


def _vp8_of_size(content: bytes, width: int, height: int) -> bytes:
    return content.replace(
        b"\x9d\x01\x2a" + struct.pack("<HH", 64, 48),
        b"\x9d\x01\x2a" + struct.pack("<HH", width, height),
    )


@HEADERS.add("error")
def vp8_that_claims_the_largest_frames(folder):
    path = encode(folder / "huge.webm", scene(20), "libvpx", options={"deadline": "realtime"})
    path.write_bytes(_vp8_of_size(path.read_bytes(), 16383, 16383))
    return path
