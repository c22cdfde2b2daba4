"""Files written by our encoder, read with decord and PyAV."""

import hashlib

import av
import decord
import numpy as np
import pytest

from skvideo3d.datasets.h264 import probe_video, write_video
from skvideo3d.exceptions import VideoDecodeError


def frames(n=12, height=48, width=64, seed=0):
    # Smooth colours that change from frame to frame: 4:2:0 and the quantiser keep them well.
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / 20
    phases = rng.uniform(0, 6, (n, 3, 1, 1))
    waves = 128 + 80 * np.sin(rows + columns + phases)
    return np.moveaxis(waves, 1, -1).astype(np.uint8)


def decoded(path):
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


@pytest.mark.parametrize("gop", [1, 5])
def test_both_readers_give_back_what_was_written(tmp_path, gop):
    path = tmp_path / "a.mp4"
    write_video(path, frames(), fps=12.5, gop=gop)
    reader = decord.VideoReader(str(path))
    got = reader.get_batch(range(len(reader))).asnumpy()
    np.testing.assert_array_equal(got, decoded(path))
    assert np.abs(got.astype(int) - frames()).mean() < 3
    assert reader.get_avg_fps() == 12.5
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert "creation_time" not in container.metadata


@pytest.mark.parametrize(("gop", "keys"), [(1, 12), (5, 3)])
def test_gop_is_the_distance_of_key_frames(tmp_path, gop, keys):
    write_video(tmp_path / "a.mp4", frames(), fps=25, gop=gop)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert sum(frame.key_frame for frame in container.decode(video=0)) == keys


def test_with_gop_1_a_frame_decodes_as_it_would_alone(tmp_path):
    write_video(tmp_path / "all.mp4", frames(), fps=25)
    together = decoded(tmp_path / "all.mp4")
    for i in (0, 5, 11):
        write_video(tmp_path / "one.mp4", frames()[i : i + 1], fps=25)
        np.testing.assert_array_equal(together[i], decoded(tmp_path / "one.mp4")[0])


def test_writing_twice_gives_the_same_bytes(tmp_path):
    digests = set()
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, iter(frames()), fps=29.97, gop=4)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_failure_halfway_leaves_nothing_and_keeps_what_was_there(tmp_path):
    def broken():
        yield from frames(3)
        raise RuntimeError("the artist left")

    path = tmp_path / "a.mp4"
    for before in (None, b"something precious"):
        if before:
            path.write_bytes(before)
        with pytest.raises(RuntimeError, match="the artist left"):
            write_video(path, broken(), fps=25)
        assert [item.read_bytes() for item in tmp_path.iterdir()] == ([before] if before else [])


def test_no_frames_and_odd_sizes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        write_video(tmp_path / "a.mp4", [], fps=25)
    with pytest.raises(ValueError, match="even height and width"):
        write_video(tmp_path / "a.mp4", [np.zeros((48, 63, 3), np.uint8)], fps=25)
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_cut_does_not_pass_for_a_video(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, frames(), fps=25)
    assert probe_video(path) == (12, 48, 64)
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(VideoDecodeError, match=r"a\.mp4"):
            probe_video(path)
