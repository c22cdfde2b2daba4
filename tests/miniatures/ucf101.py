"""UCF101 in small: class folders of grouped clips, and the lists of three splits."""

from pathlib import Path

from .clips import write_clip


def write_ucf101(
    root, classes=("ApplyEyeMakeup", "Archery", "HandstandPushups"), n_groups=6, n_clips=2
):
    """Write UCF-101/ and ucfTrainTestlist/; split `k` tests groups 2k - 1 and 2k."""
    root = Path(root)
    lists = root / "ucfTrainTestlist"
    lists.mkdir(parents=True)
    numbered = list(enumerate(classes, start=1))
    _write_list(lists / "classInd.txt", [f"{number} {name}" for number, name in numbered])
    clips = []  # the line of a test list, class number, group
    for number, name in numbered:
        # The one class whose files are spelt in another way than its folder.
        inside = "HandStandPushups" if name == "HandstandPushups" else name
        for group in range(1, n_groups + 1):
            for clip in range(1, n_clips + 1):
                line = f"{name}/v_{inside}_g{group:02d}_c{clip:02d}.avi"
                clips.append((line, number, group))
                write_clip(root / "UCF-101" / line, number, 100 * group + clip)
    for split in (1, 2, 3):
        tested = (2 * split - 1, 2 * split)
        train = [f"{line} {number}" for line, number, group in clips if group not in tested]
        test = [line for line, _, group in clips if group in tested]
        _write_list(lists / f"trainlist{split:02d}.txt", train)
        _write_list(lists / f"testlist{split:02d}.txt", test)


def _write_list(path, lines):
    # The official lists' line ends.
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
