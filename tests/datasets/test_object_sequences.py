"""Windows of labelled sequences: their order and folds, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from miniatures.clips import write_clip
from miniatures.object_sequences import write_sequences
from PIL import Image

from skvideo3d.datasets.object_sequences import load_object_sequences
from skvideo3d.video.sources import as_source


def test_windows_targets_and_folds_of_the_miniature(tmp_path):
    # 64 frames: the first object shows on 0-17, the second on 21-38, the third on 42-59. Of the
    # windows that start at 0, 8, ..., 48, the one at 32 has 7 and 6 frames of two objects: dropped.
    write_sequences(tmp_path)
    windows = load_object_sequences(tmp_path)
    assert windows.sequences == [str(tmp_path / f"sequence_{n}.avi") for n in (1, 2, 3)]
    assert [(w.video, w.start, w.stop, w.unit) for w in windows.data] == [
        (path, start, start + 16, "frames")
        for path in windows.sequences
        for start in (0, 8, 16, 24, 40, 48)
    ]
    assert windows.target_names == ["book", "cup", "phone"]
    # Sequences show cup, phone, book; phone, book, cup; book, cup, phone.
    first, second, third = [1, 1, 2, 2, 0, 0], [2, 2, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2]
    assert windows.target.tolist() == first + second + third
    assert windows.groups.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert windows.target.dtype == windows.groups.dtype == np.int64
    assert (windows.n_windows, windows.n_dropped, windows.n_listed) == (21, 3, 3)
    assert windows.missing == []
    assert [[part.tolist() for part in fold] for fold in windows.cv] == [
        [[*range(6, 18)], [*range(6)]],
        [[*range(6), *range(12, 18)], [*range(6, 12)]],
        [[*range(12)], [*range(12, 18)]],
    ]
    assert "18 windows of 16 frames, every 8 frames, of 3 objects in\n3 seq" in windows.DESCR


def test_windows_show_what_their_label_says(tmp_path):
    write_sequences(tmp_path)
    windows = load_object_sequences(tmp_path, min_frames=15)
    shown = []
    for window in windows.data:
        pixels = [frame.pixels for frame in as_source(window).frames()]
        assert len(pixels) == 16
        shown.append(np.mean(pixels, axis=0).ravel())
    same = windows.target[:, None] == windows.target
    apart = np.linalg.norm(np.array(shown)[:, None] - np.array(shown), axis=-1)
    assert apart[same].max() < apart[~same].min() / 3


def test_lengths_of_windows_are_the_callers(tmp_path):
    write_sequences(tmp_path, n_sequences=2, objects=("cup", "pen"), n_frames=20)
    # Shown on 0-6 and 10-16; windows of 5 frames at 0, 5, 10 and 15 have 5, 2, 5 and 2 of them.
    windows = load_object_sequences(tmp_path, clip_len=5, stride=5, min_frames=3)
    assert [(w.start, w.stop) for w in windows.data] == [(0, 5), (10, 15)] * 2
    assert (windows.n_windows, windows.n_dropped) == (8, 4)
    assert "no object shows in at least 3 frames: 4 windows." in windows.DESCR
    with pytest.raises(ValueError, match="min_frames=6 is more"):
        load_object_sequences(tmp_path, clip_len=5, stride=5, min_frames=6)


def write_labels(folder, **texts):
    """Empty videos and their label files; a text of None is a video without labels."""
    for stem, text in texts.items():
        (folder / f"{stem}.mp4").touch()
        if text is not None:
            (folder / f"{stem}.txt").write_text(text)


def test_label_files_lie_beside_or_in_a_folder_of_labels(tmp_path):
    write_labels(tmp_path, a="0 15 cup\n", b=None)
    (tmp_path / "frames.v2").mkdir()
    for number in range(16):
        Image.new("RGB", (8, 8)).save(tmp_path / "frames.v2" / f"{number}.png")
    (tmp_path / "frames.v2" / "times.txt").write_text("0.0 0.1")  # the camera's, not a label file
    (tmp_path / "README.txt").write_text("Three sequences.")
    labels = tmp_path / "meta" / "Labels"
    labels.mkdir(parents=True)
    (labels / "b.txt").write_text("0 15 pen\n")
    (labels / "frames.v2.txt").write_text("cup\n" * 16)
    windows = load_object_sequences(tmp_path)
    found = {
        Path(segment.video).relative_to(tmp_path).as_posix(): windows.target_names[label]
        for segment, label in zip(windows.data, windows.target, strict=True)
    }
    assert found == {"a.mp4": "cup", "b.mp4": "pen", "frames.v2": "cup"}


def test_labels_of_a_folder_of_frames_are_checked_against_its_images(tmp_path):
    write_labels(tmp_path, a="0 15 cup\n")
    (tmp_path / "b").mkdir()
    for number in range(20):
        (tmp_path / "b" / f"{number}.jpg").touch()
    (tmp_path / "b" / ".hidden.jpg").touch()
    (tmp_path / "b.txt").write_text("cup\n" * 19)
    with pytest.raises(ValueError, match=r"b\.txt' has labels of 19 frames, .* 20 frames"):
        load_object_sequences(tmp_path)
    (tmp_path / "b.txt").write_text("4 20 cup\n")
    with pytest.raises(ValueError, match=r"b\.txt', line 1: its last frame is 20"):
        load_object_sequences(tmp_path)
    # Frames 0-3 and 16-19 show nothing, so windows of 16 every 4 go on to the last image.
    (tmp_path / "b.txt").write_text("4 15 cup\n")
    windows = load_object_sequences(tmp_path, stride=4)
    assert [(w.start, w.stop) for w in windows.data] == [(0, 16), (0, 16), (4, 20)]


@pytest.mark.parametrize(
    ("text", "n_labels"),
    # A video of 20 frames: 2 and 5 % are 3 frames, so from 17 to 23 pass; ranges may end early.
    [
        ("cup\n" * 16, 16),
        ("cup\n" * 17, None),
        ("cup\n" * 23, None),
        ("cup\n" * 24, 24),
        ("0 15 cup\n", None),
        ("0 15 cup\n20 22 pen\n", None),
        ("0 15 cup\n20 23 none\n", 24),
    ],
)
def test_labels_of_a_video_file_are_checked_against_its_header(tmp_path, text, n_labels):
    write_labels(tmp_path, a="0 15 cup\n")
    write_clip(tmp_path / "b.avi", 0, 0, n_frames=20)
    (tmp_path / "b.txt").write_text(text)
    if n_labels is None:
        assert {0, 1} == set(load_object_sequences(tmp_path).groups)
        return
    message = rf"b\.txt' has labels of {n_labels} frames, .*b\.avi' announces 20: .* right one"
    with pytest.raises(ValueError, match=message):
        load_object_sequences(tmp_path)


def test_the_labels_of_another_recording_are_refused(tmp_path):
    write_sequences(tmp_path, n_sequences=2, n_frames=64)
    write_sequences(tmp_path / "long", n_sequences=1, n_frames=80)
    assert load_object_sequences(tmp_path).n_listed == 3
    # 2 and 5 % of 64 are 5 frames.
    (tmp_path / "long" / "sequence_1.txt").replace(tmp_path / "sequence_1.txt")
    (tmp_path / "long" / "sequence_1.avi").unlink()
    with pytest.raises(ValueError, match=r"has labels of 80 frames, .*announces 64"):
        load_object_sequences(tmp_path)


def test_words_for_the_background_are_the_callers_in_any_case(tmp_path):
    text = "0 15 cup\n16 31 Hand\n"
    write_labels(tmp_path, a=text, b=text)
    assert load_object_sequences(tmp_path).target_names == ["Hand", "cup"]
    windows = load_object_sequences(tmp_path, background=["HAND"])
    assert windows.target_names == ["cup"]
    assert windows.n_dropped == 2
    with pytest.raises(ValueError, match=r"background='hand' is one word; pass a list, \['hand'\]"):
        load_object_sequences(tmp_path, background="hand")


def test_an_object_that_no_window_has_keeps_its_name(tmp_path):
    write_labels(tmp_path, a="0 15 cup\n16 18 ant\n", b="0 15 cup\n")
    windows = load_object_sequences(tmp_path)
    assert windows.target_names == ["ant", "cup"]
    assert windows.target.tolist() == [1, 1]


def test_an_object_of_one_sequence_and_a_sequence_without_objects_are_legal(tmp_path):
    write_labels(tmp_path, a="0 15 cup\n", b="0 15 none\n", c="0 15 pen\n")
    windows = load_object_sequences(tmp_path)
    assert windows.groups.tolist() == [0, 2]
    assert [[part.tolist() for part in fold] for fold in windows.cv] == [[[1], [0]], [[0], [1]]]
    assert (windows.n_listed, windows.n_windows, windows.n_dropped) == (3, 3, 1)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "0 sequences are below .*video file or a folder of frames"),
        ({"a": "0 15 cup\n"}, "1 sequence is below .*at least 2"),
        ({"a": "0 15 cup\n", "b": None}, r"b\.mp4' has no label file; write 'b\.txt' beside"),
        ({"a": "0 15 cup\n", "b": "0 15 none\n"}, "1 of the 2 sequences .* has a window"),
        ({"a": "0 3 cup\n", "b": "0 3 cup\n"}, "0 of the 2 sequences .*shorter windows"),
    ],
)
def test_fewer_than_two_sequences_with_labels_are_refused(tmp_path, texts, message):
    write_labels(tmp_path, **texts)
    with pytest.raises(ValueError, match=message):
        load_object_sequences(tmp_path)


def test_label_files_and_sequences_have_to_belong_together(tmp_path):
    text = "0 15 cup\n"
    write_labels(tmp_path, a=text, b=text)
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(ValueError, match=r"c\.txt' has no sequence; .*take the file away"):
        load_object_sequences(tmp_path)
    (tmp_path / "d.txt").write_text(text)
    with pytest.raises(ValueError, match=r"c\.txt' has no sequence \(the first of 2 such files\);"):
        load_object_sequences(tmp_path)
    (tmp_path / "c.txt").unlink()
    (tmp_path / "d.txt").unlink()
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "b.txt").write_text(text)
    with pytest.raises(ValueError, match=r"b\.mp4' could have its labels in .* keep one"):
        load_object_sequences(tmp_path)
    (tmp_path / "labels" / "b.txt").unlink()
    (tmp_path / "a.avi").touch()
    with pytest.raises(ValueError, match=r"a\.txt' could be of .*a\.avi' or of .*a\.mp4'"):
        load_object_sequences(tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        load_object_sequences(tmp_path / "elsewhere")
