"""Frames of odd sizes, shapes and pixels."""

import io
from fractions import Fraction

import numpy as np

from ..encoding import encode, scene
from .contents import jpeg
from .headers import jpegs_as_video
from .specimens import Collection, Maker, Specimen

PICTURES = Collection()


def _of_size(height: int, width: int, n_frames: int = 20, **options) -> Maker:
    def make(folder):
        return encode(
            folder / f"{height}x{width}.avi",
            scene(n_frames, (height, width)),
            "rawvideo" if min(height, width) < 16 else "mpeg4",
            pixels="bgr24" if min(height, width) < 16 else "yuv420p",
            **options,
        )

    return make


for _height, _width, _n_frames in (
    *((1, 1, 20), (2, 2, 20), (1, 300, 20), (300, 1, 20), (17, 33, 20)),
    *((16, 8176, 17), (8176, 16, 17)),
):
    PICTURES.append(
        Specimen(f"{_height}x{_width}_pixels", _of_size(_height, _width, _n_frames), "describes")
    )


def _grey_jpeg(width: int, height: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (width, height)).save(buffer, "JPEG", quality=1)
    return buffer.getvalue()


@PICTURES.add("describes")
def frames_of_8k(folder):
    return jpegs_as_video(folder / "8k.mkv", [_grey_jpeg(7680, 4320)] * 2)


@PICTURES.add("error", "pixels")
def more_pixels_than_are_allowed(folder):
    # 2**26 and a few more, and really there: a few kB of JPEG.
    picture = _grey_jpeg(8320, 8080)
    return jpegs_as_video(folder / "large.mkv", [picture])


@PICTURES.add("describes", loss=None)
def h264_that_changes_its_size(folder):
    one = encode(folder / "one.h264", scene(20))
    two = encode(folder / "two.h264", scene(20, (96, 80)))
    path = folder / "both.h264"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    return path


@PICTURES.add("describes", loss=None)
def ts_that_changes_its_size(folder):
    one = encode(folder / "one.ts", scene(20))
    two = encode(folder / "two.ts", scene(20, (96, 80)))
    path = folder / "both.ts"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    return path


@PICTURES.add("describes", loss=None)
def jpegs_of_two_sizes_in_one_file(folder):
    pictures = [jpeg((48, 64)), jpeg((80, 40))] * 10
    return jpegs_as_video(folder / "sizes.mkv", pictures)


for _degrees in (90, 180, 270, -90, 45, 0.01):
    PICTURES.append(
        Specimen(
            f"turned_by_{_degrees}_degrees",
            lambda folder, degrees=_degrees: encode(
                folder / "turned.mp4", scene(20), rotation=degrees
            ),
            "describes",
        )
    )


@PICTURES.add("describes")
def turned_by_no_matrix_at_all(folder):
    path = encode(folder / "turned.mp4", scene(20))
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 4 + 40
    content[place : place + 36] = bytes(36)
    path.write_bytes(content)
    return path


@PICTURES.add("describes")
def pixels_that_are_not_square(folder):
    return encode(folder / "wide.mp4", scene(20), aspect=Fraction(64, 11))


@PICTURES.add("describes")
def pixels_of_absurd_shape(folder):
    return encode(folder / "wide.mkv", scene(20), "mpeg4", aspect=Fraction(255, 1))


def _transparent(n_frames: int = 20) -> list[np.ndarray]:
    alpha = np.linspace(0, 255, 64).astype(np.uint8)[None, :, None].repeat(48, 0)
    return [np.concatenate([frame, alpha], axis=2) for frame in scene(n_frames)]


for _name, _suffix, _codec, _pixels, _options in (
    ("png_with_alpha", "mov", "png", "rgba", {}),
    ("prores_with_alpha", "mov", "prores_ks", "yuva444p10le", {"profile": "4444"}),
    ("qtrle_with_alpha", "mov", "qtrle", "argb", {}),
    ("vp9_with_alpha", "webm", "libvpx-vp9", "yuva420p", {"deadline": "realtime"}),
    ("grey_h264", "mp4", "libx264", "gray", {}),
    ("grey_ffv1", "mkv", "ffv1", "gray", {}),
    ("grey_of_16_bits", "mkv", "ffv1", "gray16le", {}),
    ("black_and_white", "mov", "rawvideo", "monow", {}),
    ("ten_bits_h264", "mp4", "libx264", "yuv420p10le", {}),
    ("ten_bits_hevc", "mp4", "libx265", "yuv420p10le", {"x265-params": "log-level=none"}),
    ("ten_bits_ffv1", "mkv", "ffv1", "yuv422p10le", {}),
    ("h264_4_2_2", "mp4", "libx264", "yuv422p", {}),
    ("h264_4_4_4", "mp4", "libx264", "yuv444p", {}),
    ("jpeg2000", "mov", "jpeg2000", "rgb24", {}),
    ("av1", "mp4", "libsvtav1", "yuv420p", {"preset": "12", "svtav1-params": "lp=1"}),
    ("ten_bits_av1", "mkv", "libsvtav1", "yuv420p10le", {"preset": "12", "svtav1-params": "lp=1"}),
):
    PICTURES.append(
        Specimen(
            _name,
            lambda folder, s=_suffix, c=_codec, p=_pixels, o=_options: encode(
                folder / f"film.{s}",
                _transparent() if "a" in p.replace("gray", "") else scene(20),
                c,
                pixels=p,
                options=o,
            ),
            "describes",
        )
    )


@PICTURES.add("describes")
def interlaced_h264(folder):
    return encode(
        folder / "fields.mp4",
        scene(20),
        options={"x264-params": "tff=1", "flags": "+ildct+ilme"},
    )


@PICTURES.add("describes")
def gif_of_one_frame(folder):
    from PIL import Image

    path = folder / "still.gif"
    Image.fromarray(scene(1)[0]).save(path)
    return path


@PICTURES.add("describes")
def interlaced_gif(folder):
    from PIL import Image

    path = folder / "lines.gif"
    Image.fromarray(scene(1)[0]).save(path, interlace=True)
    return path


@PICTURES.add("describes")
def gif_whose_frames_are_parts(folder):
    from PIL import Image

    frames = [Image.fromarray(scene(1)[0])]
    for number in range(19):  # only a corner changes, so that only it is stored
        frame = frames[-1].copy()
        frame.putpixel((number, number), (255, 255, 255))
        frames.append(frame)
    path = folder / "parts.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40, optimize=True)
    return path
