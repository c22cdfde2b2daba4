"""Whole files that lost a part."""

from pathlib import Path

from ..encoding import BY_NAME, encode, encode_as, scene
from .specimens import Collection, Maker, Specimen

DAMAGE = Collection()

# What is left: nothing but the beginning of a header, a little, half, nearly everything.
_SHARES = (0.01, 0.1, 0.5, 0.9, 0.99)
# In these the table of frames is at the end: without it nothing can be found.
_TABLE_AT_THE_END = ("mp4-libx264", "mov-qtrle")
# These count their frames at the start, so that a missing end shows.
_COUNTED = ("mp4-libx264-f", "avi-mpeg4", "avi-mjpeg")
_UNCOUNTED = (
    *("mp4-libx264-fragments", "mkv-libx264", "webm-libvpx-vp9", "ts-libx264", "gif-gif"),
    *("mpg-mpeg2video", "flv-flv", "wmv-wmv2"),
)


def _cut(name: str, share: float) -> Maker:
    def make(folder: Path) -> Path:
        format_ = BY_NAME[name]
        path = encode_as(format_, folder / f"cut.{format_.suffix}")
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        return path

    return make


for _name in (*_TABLE_AT_THE_END, *_COUNTED, *_UNCOUNTED):
    for _share in _SHARES:
        _title = f"cut_to_{_share:.0%}_of_{_name}"
        if _share == _SHARES[0] and _name != "gif-gif":  # whose first frame is whole by then
            _specimen = Specimen(_title, _cut(_name, _share), "error")
        elif _name in _TABLE_AT_THE_END or _share < 0.9:  # where a clip is left, or not quite
            _specimen = Specimen(
                _title, _cut(_name, _share), "either", loss=True if _name in _COUNTED else None
            )
        else:
            _loss = True if _name in _COUNTED and _share == 0.9 else None
            _specimen = Specimen(_title, _cut(_name, _share), "describes", loss=_loss)
        DAMAGE.append(_specimen)


@DAMAGE.add("describes", loss=True)
def hole_in_the_middle_of_mp4(folder):
    path = encode(folder / "hole.mp4", scene(60), options={"g": "10", "preset": "ultrafast"})
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : third + third // 2] = bytes(third // 2)
    path.write_bytes(content)
    return path


@DAMAGE.add("error", "")
def nothing_but_a_header(folder):
    path = encode(
        folder / "header.mp4",
        scene(20),
        container_options={"movflags": "faststart"},
    )
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"mdat") + 4])
    return path


@DAMAGE.add("error", "")
def frames_without_their_first_key_frame(folder):
    # Only differences to frames that are not there.
    path = encode(folder / "late.h264", scene(20), options={"g": "100", "preset": "ultrafast"})
    content = path.read_bytes()
    first = content.index(b"\0\0\1\x65")
    second = content.index(b"\0\0\1\x41", first)
    path.write_bytes(content[:first] + content[second:])
    return path
