"""Labels of frames: the arithmetic of windows, both forms of label files, and damaged ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skvideo3d.datasets.frame_labels import read_frame_labels, window_labels

BACKGROUND = {"0", "none", "background", ""}


def frames(text):
    """One frame a letter; a dot is no object."""
    return [None if letter == "." else letter for letter in text]


@pytest.mark.parametrize(
    ("text", "min_frames", "expected"),
    [
        # Windows of 4 frames every 2.
        ("aaaabb", 2, [(0, "a"), (2, "a")]),  # a and b on two frames each: a is first
        ("bbaabb", 2, [(0, "b"), (2, "a")]),
        ("abab", 2, [(0, "a")]),
        (".bab", 2, [(0, "b")]),
        ("...a", 1, [(0, "a")]),  # nothing is no label, however frequent
        ("...a", 2, [(0, None)]),
        ("....", 1, [(0, None)]),
        ("aabbb", 3, [(0, None)]),  # the fifth frame is in no whole window
        ("abbb", 3, [(0, "b")]),
        ("aaa", 1, []),
        ("", 1, []),
    ],
)
def test_windows_worked_by_hand(text, min_frames, expected):
    assert window_labels(frames(text), clip_len=4, stride=2, min_frames=min_frames) == expected


def test_eight_of_sixteen_frames_are_enough_and_seven_are_not():
    labels = ["cup"] * 8 + [None] * 15
    assert window_labels(labels) == [(0, "cup")]
    assert window_labels(labels[1:]) == [(0, None)]
    # Frames 8 to 15 show one thing, 16 to 22 another: 8 beat 7.
    assert window_labels([None] * 8 + ["cup"] * 8 + ["pen"] * 8) == [(0, "cup"), (8, "cup")]


@given(
    st.text(alphabet="abc.", max_size=40),
    st.integers(1, 12),
    st.integers(1, 12),
    st.data(),
)
def test_windows_are_those_of_a_plain_loop(text, clip_len, stride, data):
    min_frames = data.draw(st.integers(1, clip_len))
    expected = []
    start = 0
    while start + clip_len <= len(text):
        window = text[start : start + clip_len]
        best = None
        for letter in window:
            if letter != "." and (best is None or window.count(letter) > window.count(best)):
                best = letter
        enough = best is not None and window.count(best) >= min_frames
        expected.append((start, best if enough else None))
        start += stride
    assert window_labels(frames(text), clip_len, stride, min_frames) == expected


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ({"clip_len": 0}, "clip_len=0 is no length"),
        ({"stride": 2.0}, r"stride=2\.0 is no length"),
        ({"min_frames": True}, "min_frames=True is no length"),
        ({"min_frames": 17}, "min_frames=17 is more than the clip_len=16 .*at most 16"),
    ],
)
def test_lengths_that_cannot_be_are_refused(lengths, message):
    with pytest.raises(ValueError, match=message):
        window_labels(["cup"] * 20, **lengths)


def read(tmp_path, text, n_frames=None):
    path = tmp_path / "kitchen.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_frame_labels(str(path), BACKGROUND, n_frames)


def test_a_label_a_line_is_a_label_a_frame(tmp_path):
    text = "cup\n\nNone\ncoffee mug \r\n0\n17\nbackground\n"
    assert read(tmp_path, text) == ["cup", None, None, "coffee mug", None, "17", None]
    assert read(tmp_path, "\n\ncup") == [None, None, "cup"]
    assert read(tmp_path, b"\xef\xbb\xbfcup\n") == ["cup"]


def test_ranges_hold_their_last_frame_and_may_be_in_any_order(tmp_path):
    text = "5 6 coffee mug\n\n  0\t1  cup\n2 2 none\n8 9 background\n"
    expected = ["cup", "cup", None, None, None, "coffee mug", "coffee mug", None, None, None]
    assert read(tmp_path, text) == expected
    assert read(tmp_path, text, n_frames=12) == [*expected, None, None]


@given(st.lists(st.sampled_from(["cup", "pen", "tea pot", "none"]), min_size=1, max_size=30))
def test_both_forms_say_the_same(tmp_path_factory, words):
    folder = tmp_path_factory.getbasetemp()
    ranges = "".join(f"{number} {number} {word}\n" for number, word in enumerate(words))
    expected = [None if word == "none" else word for word in words]
    assert read(folder, "\n".join(words)) == read(folder, ranges) == expected


@pytest.mark.parametrize(
    ("text", "n_frames", "message"),
    [
        ("", None, "is empty; write"),
        ("\n \n", None, "is empty"),
        ("0 3 cup\n4 8\n", None, "line 2: '4 8' is no 'first last label'"),
        ("0 3\n", None, "line 1: '0 3' is no 'first last label'"),
        ("0 3 cup\npen\n", None, "line 2: 'pen' is no 'first last label'"),
        ("0 3 cup\n-4 8 pen\n", None, "line 2: '-4 8 pen' is no"),
        ("cup\n\n4 8 pen\n", None, "line 3: '4 8 pen' is a range"),
        ("cup\n4 8\n", None, "line 2: '4 8' is a range"),
        ("3 0 cup\n", None, "line 1: the range 3 to 0 runs backwards"),
        ("9 12 pen\n0 3 cup\n3 4 cup\n", None, "lines 2 and 3: .* 0 to 3 and 3 to 4 overlap"),
        ("0 9 pen\n2 3 cup\n", None, "lines 1 and 2: .* overlap"),
        ("0 99999999999 pen\n", None, "line 1: 99999999999 is no frame number"),
        ("0 3 cup\n8 10 pen\n", 10, "line 2: its last frame is 10, .* 10 frames, 0 to 9"),
        ("cup\ncup\n", 3, "labels of 2 frames, .* has 3 frames"),
        ("cup\ncup\n", 1, "labels of 2 frames, .* has 1 frame;"),
        (b"caf\xe9\n", None, "not UTF-8 text .*at byte 3.*save it as UTF-8"),
    ],
)
def test_a_damaged_label_file_is_named_with_its_line(tmp_path, text, n_frames, message):
    with pytest.raises(ValueError, match=rf"kitchen\.txt.*{message}"):
        read(tmp_path, text, n_frames)


def test_a_label_file_that_is_a_folder_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"label file .* cannot be read"):
        read_frame_labels(str(tmp_path), BACKGROUND)
