"""Rates and time stamps that no camera gives."""

from fractions import Fraction

from ..encoding import encode, scene
from .headers import patch
from .specimens import Collection

CLOCKS = Collection()

_YEAR = 365 * 86400 * 1000  # in ms


@CLOCKS.add("describes")
def a_frame_every_quarter_of_an_hour(folder):
    return encode(folder / "slow.mkv", scene(20), times=[t * 1_000_000 for t in range(20)])


@CLOCKS.add("describes")
def one_frame_in_1000_seconds(folder):
    return encode(folder / "slow.mp4", scene(20), rate=Fraction(1, 1000))


@CLOCKS.add("describes")
def ninety_thousand_frames_a_second(folder):
    return encode(folder / "fast.mp4", scene(20), rate=90_000)


@CLOCKS.add("describes")
def rate_of_many_digits(folder):
    return encode(folder / "rate.mp4", scene(20), rate=Fraction(1_234_567, 54_321))


@CLOCKS.add("describes")
def variable_rate(folder):
    times = [0, 40, 41, 300, 301, 302, 900, 905, *range(1000, 1240, 20)]
    return encode(folder / "vfr.mkv", scene(20), times=times)


@CLOCKS.add("describes")
def time_stamps_that_jump_by_years(folder):
    times = [*range(0, 400, 40), *range(50 * _YEAR, 50 * _YEAR + 400, 40)]
    return encode(folder / "jump.mkv", scene(20), times=times)


@CLOCKS.add("describes")
def negative_time_stamps(folder):
    times = [40 * t - 400 for t in range(20)]
    return encode(folder / "negative.mkv", scene(20), times=times, options={"bf": "0"})


@CLOCKS.add("describes")
def time_stamps_that_begin_late(folder):
    times = [40 * t + _YEAR for t in range(20)]
    return encode(folder / "late.mkv", scene(20), times=times, options={"bf": "0"})


@CLOCKS.add("describes", loss=None)
def all_frames_at_one_time(folder):
    path = encode(folder / "one.mp4", scene(20), options={"bf": "0"})
    return patch(path, b"stts", 16, bytes(4))


@CLOCKS.add("either", loss=None)
def frames_a_day_apart(folder):
    path = encode(folder / "day.mp4", scene(20), options={"bf": "0"})
    return patch(path, b"stts", 16, (0x7FFFFFFF).to_bytes(4, "big"))


@CLOCKS.add("either", loss=None)
def a_clock_of_no_ticks(folder):
    path = encode(folder / "ticks.mp4", scene(20), options={"bf": "0"})
    return patch(path, b"mdhd", 16, bytes(4))


@CLOCKS.add("describes", loss=None)
def avi_of_no_rate(folder):
    path = encode(folder / "rate.avi", scene(20), "mpeg4")
    return patch(path, b"strh", 8 + 20, bytes(8))


@CLOCKS.add("describes", loss=None)
def avi_of_4_billion_frames_a_second(folder):
    path = encode(folder / "rate.avi", scene(20), "mpeg4")
    return patch(path, b"strh", 8 + 20, b"\1\0\0\0\xff\xff\xff\xff")


@CLOCKS.add("describes", loss=None)
def joined_recordings(folder):
    path = encode(folder / "joined.ts", scene(20))
    path.write_bytes(path.read_bytes() * 2)
    return path


@CLOCKS.add("describes")
def gif_without_delays(folder):
    from PIL import Image

    first, *others = [Image.fromarray(frame) for frame in scene(20)]
    path = folder / "hurry.gif"
    first.save(path, save_all=True, append_images=others, duration=0, loop=0)
    return path


@CLOCKS.add("describes")
def gif_of_long_delays(folder):
    from PIL import Image

    first, *others = [Image.fromarray(frame) for frame in scene(20)]
    path = folder / "patience.gif"
    first.save(path, save_all=True, append_images=others, duration=655_350, loop=0)
    return path
