"""Real files that broke other readers, and what comes of each here."""

import pytest

from hostile.harness import describe, error_of
from hostile.ways import differences
from skvideo3d.exceptions import VideoDecodeError

pytestmark = pytest.mark.realdata

WHOLE = ""
# Name, then nothing or a part of the reason.
OUTCOMES = {
    "SAR-2by3.mp4": WHOLE,  # pixels are not square
    "big_buck_bunny_432_433.webm": WHOLE,  # odd numbers of pixels
    "bitmap.mp4": WHOLE,  # 1 x 1
    "fire2.mp4": WHOLE,
    "h264-mjpeg.mkv": WHOLE,  # a cover picture as a second video stream
    "imageio_issue245.gif": WHOLE,
    "newtonscradle.gif": WHOLE,
    "no_duration.webm": WHOLE,
    "pigs_in_a_polka.gif": WHOLE,
    "realshort.mp4": WHOLE,
    "result.webm": "is empty (0 bytes)",
    "smpte-2997.mp4": WHOLE,
    "test_yuv422p.mp4": WHOLE,
    "testsrc-hevc.mp4": WHOLE,
    "testsrc_with_attachment.mkv": WHOLE,  # a font as an attachment
    "transparent.webm": WHOLE,  # VP9 with alpha
    "video_with_failing_audio.mp4": WHOLE,
}


@pytest.fixture(scope="module")
def paths(realdata):
    return sorted((realdata / "odd").iterdir())


def test_each_ends_as_the_table_says(paths, small_c3d):
    endings, findings = describe(paths, small_c3d, clip_stride=16)
    assert findings == []
    outcomes = {
        path.name: ending.reason or ending.loss for path, ending in zip(paths, endings, strict=True)
    }
    assert outcomes.keys() == OUTCOMES.keys()
    wrong = {
        name: found
        for name, found in outcomes.items()
        if OUTCOMES[name] not in found or bool(found) != bool(OUTCOMES[name])
    }
    assert wrong == {}


def test_the_error_of_the_empty_one_is_typed(paths, small_c3d):
    (empty,) = (path for path in paths if OUTCOMES[path.name])
    assert isinstance(error_of(empty, small_c3d), VideoDecodeError)


@pytest.mark.slow
def test_every_entry_point_agrees(paths, small_c3d, tmp_path):
    paths = [path for path in paths if path.stat().st_size < 130_000]
    assert len(paths) > 10
    assert differences(paths, small_c3d, tmp_path) == []
