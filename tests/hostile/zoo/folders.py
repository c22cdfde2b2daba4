"""Folders where files were expected, and frames that are none."""

import os
import shutil
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from skvideo3d.exceptions import VideoNotFoundError

from ..encoding import encode, scene
from .contents import jpeg
from .headers import chunk_of_png, huge_png
from .specimens import Collection

FOLDERS = Collection()


def frames_in(folder: Path, n_frames: int = 20, suffix: str = "jpg") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(scene(n_frames)):
        Image.fromarray(pixels).save(folder / f"frame{number}.{suffix}")
    return folder


@FOLDERS.add("error", "no .jpg or .png")
def empty_folder_called_mp4(folder):
    path = folder / "x.mp4"
    path.mkdir()
    return path


@FOLDERS.add("describes")
def folder_of_frames_called_mp4(folder):
    return frames_in(folder / "x.mp4")


@FOLDERS.add("error", "no .jpg or .png")
def folder_of_folders_of_frames(folder):
    frames_in(folder / "x" / "inner")
    return folder / "x"


@FOLDERS.add("error", "no .jpg or .png")
def folder_of_videos(folder):
    (folder / "x").mkdir()
    encode(folder / "x" / "film.mp4", scene(20))
    return folder / "x"


@FOLDERS.add("error", "pipe|regular|neither")
def pipe_that_nobody_writes_to(folder):
    path = folder / "pipe.mp4"
    os.mkfifo(path)
    return path


@FOLDERS.add("error", "neither")
def device_without_end(folder):
    path = folder / "zero.mp4"
    path.symlink_to("/dev/zero")
    return path


@FOLDERS.add("error")
def link_to_itself(folder):
    path = folder / "loop.mp4"
    path.symlink_to("loop.mp4")
    return path


@FOLDERS.add("error", "does not exist", error=VideoNotFoundError)
def link_to_nothing(folder):
    path = folder / "gone.mp4"
    path.symlink_to("nowhere.mp4")
    return path


@FOLDERS.add("error", "does not exist", error=VideoNotFoundError)
def nothing(folder):
    return folder / "never.mp4"


@FOLDERS.add("error")
def file_taken_for_a_folder(folder):
    (folder / "file").touch()
    return folder / "file" / "x.mp4"


if os.geteuid() != 0:  # everything is readable to root

    @FOLDERS.add("error", "ermission")
    def file_that_may_not_be_read(folder):
        path = encode(folder / "secret.mp4", scene(20))
        path.chmod(0)
        return path

    @FOLDERS.add("error", "ermission")
    def folder_that_may_not_be_listed(folder):
        path = frames_in(folder / "secret")
        path.chmod(0)
        return path

    @FOLDERS.add("error", "ermission", loss=None)
    def frames_that_may_not_be_read(folder):
        path = frames_in(folder / "frames")
        for frame in path.iterdir():
            frame.chmod(0)
        return path


@FOLDERS.add("either", loss=None)
def pipe_among_the_frames(folder):
    path = frames_in(folder / "frames")
    (path / "frame7.jpg").unlink()
    os.mkfifo(path / "frame7.jpg")
    return path


@FOLDERS.add("either", loss=None)
def link_to_an_endless_device_among_the_frames(folder):
    path = frames_in(folder / "frames")
    (path / "frame7.jpg").unlink()
    (path / "frame7.jpg").symlink_to("/dev/zero")
    return path


@FOLDERS.add("either", loss=True)
def links_to_nothing_among_the_frames(folder):
    path = frames_in(folder / "frames", 40)
    for name, target in (("frame7.jpg", "nowhere.jpg"), ("frame30.jpg", "frame30.jpg")):
        (path / name).unlink()
        (path / name).symlink_to(target)
    return path


@FOLDERS.add("either", loss=None)
def folder_among_the_frames(folder):
    path = frames_in(folder / "frames")
    (path / "frame7.jpg").unlink()
    (path / "frame7.jpg").mkdir()
    return path


@FOLDERS.add("describes", loss=True)
def cut_frame_after_a_clip(folder):
    path = frames_in(folder / "frames")
    last = path / "frame19.jpg"
    last.write_bytes(last.read_bytes()[:300])
    return path


@FOLDERS.add("error", "frame0.jpg")
def every_frame_cut(folder):
    path = frames_in(folder / "frames")
    for frame in path.iterdir():
        frame.write_bytes(frame.read_bytes()[:300])
    return path


@FOLDERS.add("either", loss=None)
def text_called_png_among_the_frames(folder):
    path = frames_in(folder / "frames")
    (path / "frame20.png").write_text("no picture")
    return path


@FOLDERS.add("error", "png")
def nothing_but_text_called_png(folder):
    path = folder / "frames"
    path.mkdir()
    (path / "a.png").write_text("no picture")
    return path


@FOLDERS.add("error", "8 bits")
def frames_of_16_bits(folder):
    path = folder / "frames"
    path.mkdir()
    for number in range(20):
        pixels = np.full((48, 64), 3000 * number, dtype=np.uint16)
        Image.fromarray(pixels).save(path / f"{number}.png")
    return path


@FOLDERS.add("describes")
def frames_of_many_kinds_of_pixels(folder):
    path = frames_in(folder / "frames", 12)
    whole = Image.fromarray(scene(1)[0])
    for number, mode in enumerate(("1", "L", "LA", "P", "RGBA"), start=12):
        whole.convert(mode).save(path / f"frame{number}.png")
    whole.convert("CMYK").save(path / "frame17.jpg")
    return path


@FOLDERS.add("describes", loss=None)
def frames_of_many_sizes(folder):
    path = folder / "frames"
    path.mkdir()
    for number in range(20):
        (path / f"{number}.jpg").write_bytes(jpeg((16 + 4 * number, 90 - 3 * number)))
    return path


@FOLDERS.add("error", "pixels")
def bomb_as_the_only_frame(folder):
    path = folder / "frames"
    path.mkdir()
    (path / "1.png").write_bytes(huge_png())
    return path


@FOLDERS.add("error", "pixels")
def bomb_of_a_size_that_pillow_only_warns_of(folder):
    # Pillow warns above 2**30/12 = 89 million pixels and refuses above twice that.
    path = folder / "frames"
    path.mkdir()
    (path / "1.png").write_bytes(huge_png(10_000))
    return path


@FOLDERS.add("error", "pixels")
def frame_just_too_large(folder):
    path = folder / "frames"
    path.mkdir()
    (path / "1.png").write_bytes(huge_png(8193))  # 2**26 is 8192 squared
    return path


@FOLDERS.add("either", loss=None)
def png_whose_title_fills_the_memory(folder):
    path = frames_in(folder / "frames", 20, "png")
    bomb = chunk_of_png(b"zTXt", b"Title\0\0" + zlib.compress(bytes(2**26)))
    for frame in path.iterdir():
        content = frame.read_bytes()
        frame.write_bytes(content[:33] + bomb + content[33:])  # after IHDR
    return path


@FOLDERS.add("describes")
def frames_of_one_line(folder):
    path = folder / "frames"
    path.mkdir()
    for number in range(20):
        (path / f"{number}.jpg").write_bytes(jpeg((1, 65500)))
    return path


@FOLDERS.add("describes")
def jpegs_that_are_to_be_turned(folder):
    path = folder / "frames"
    path.mkdir()
    for number, pixels in enumerate(scene(20)):
        turned = Image.Exif()
        turned[0x0112] = 1 + number % 8
        Image.fromarray(pixels).save(path / f"{number}.jpg", exif=turned)
    return path


@FOLDERS.add("describes")
def video_called_jpg_is_a_file(folder):
    path = encode(folder / "made.mp4", scene(20))
    return path.rename(folder / "film.jpg")


@FOLDERS.add("describes")
def folder_reached_through_a_link(folder):
    path = folder / "link.mp4"
    path.symlink_to(frames_in(folder / "frames"), target_is_directory=True)
    return path


@FOLDERS.add("describes")
def hidden_files_beside_the_frames(folder):
    path = frames_in(folder / "frames")
    shutil.copy(path / "frame0.jpg", path / ".hidden.jpg")
    (path / "._frame1.jpg").write_bytes(b"resource fork")
    (path / "Thumbs.db").write_bytes(b"\0")
    return path
