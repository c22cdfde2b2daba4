"""Generated videos as frames in memory: scenes, actions and cameras made into pixels with numpy."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from skvideo3d.datasets.actions import ACTIONS, States, action_states
from skvideo3d.datasets.scenes import TEXTURE, Figure, Scene, Shape, draw_scene, joints

__all__ = [
    "check_action",
    "check_geometry",
    "draw_object",
    "iter_action_frames",
    "render_action_video",
]

_ZOOM = (0.55, 1.5)  # smallest and largest size of an object, relative to its own
_FADE = 0.1  # share of the range over which an object fades at either end
_FLICKER = 0.25  # relative change of the light over its cycle

_Image = NDArray[np.float32]


def render_action_video(
    action: str,
    seed: int | Sequence[int],
    *,
    scene_seed: int | Sequence[int] | None = None,
    n_frames: int = 40,
    size: tuple[int, int] = (120, 160),
    fps: float = 25.0,
) -> NDArray[np.uint8]:
    """Frames of one generated video, without a file.

    Two figures and one or two textured shapes perform the action before a textured background.
    Where they are, how they are turned, their size, pose and light are uniformly distributed in
    every single frame of every action; see `make_action_videos`.

    Parameters
    ----------
    action : str
        What happens, one of `skvideo3d.datasets.ACTIONS`.
    seed : int or sequence of int
        Decides how it happens: start, speed, camera shake, brightness, noise. The same seed gives
        every action the same first frame.
    scene_seed : int or sequence of int, default=None
        Decides what is seen: background, textures, colours, shapes, the build of the figures. None
        takes `seed`.
    n_frames : int, default=40
        Length.
    size : (int, int), default=(120, 160)
        Height and width in pixels, each at least 32.
    fps : float, default=25.0
        Frames per second; speeds are fixed per second.

    Returns
    -------
    ndarray of shape (n_frames, height, width, 3), uint8
        RGB.

    Raises
    ------
    ValueError
        If there is no such action, or a size, length or rate that cannot be.

    Examples
    --------
    >>> from skvideo3d.datasets import render_action_video
    >>> video = render_action_video("bounce", seed=0, n_frames=16, size=(48, 64))
    >>> video.shape, video.dtype
    ((16, 48, 64, 3), dtype('uint8'))
    """
    frames = iter_action_frames(
        action, seed, scene_seed=scene_seed, n_frames=n_frames, size=size, fps=fps
    )
    return np.stack(list(frames))


def iter_action_frames(
    action: str,
    seed: int | Sequence[int],
    *,
    scene_seed: int | Sequence[int] | None = None,
    n_frames: int = 40,
    size: tuple[int, int] = (120, 160),
    fps: float = 25.0,
) -> Iterator[NDArray[np.uint8]]:
    """Frames of `render_action_video` one at a time, for videos of any length.

    Parameters
    ----------
    action, seed, scene_seed, n_frames, size, fps
        As for `render_action_video`.

    Yields
    ------
    ndarray of shape (height, width, 3), uint8
        RGB.

    Raises
    ------
    ValueError
        As `render_action_video`, at the first frame.

    Examples
    --------
    >>> next(iter_action_frames("still", 0, size=(32, 32))).shape
    (32, 32, 3)
    """
    check_action(action)
    check_geometry(n_frames, size, fps)
    height, width = size
    scene = draw_scene(_stream(seed if scene_seed is None else scene_seed, 0), size)
    rng = _stream(seed, 1)
    states = action_states(
        action,
        rng,
        n_objects=len(scene.objects),
        n_frames=n_frames,
        fps=fps,
        aspect=width / height,
    )
    depth = rng.permutation(len(scene.objects))
    shake = _shake(rng, np.arange(n_frames) / fps) * min(size)
    gain, offset = rng.uniform(0.85, 1.15), rng.uniform(-12, 12)
    grain = rng.uniform(1.0, 6.0)
    for frame, (down, right) in enumerate(shake):
        image = _shifted(scene.background, down, right)
        for item in depth:
            draw_object(image, scene, states, item=item, frame=frame, shake=(down, right))
        light = gain * (1 + _FLICKER * np.sin(2 * np.pi * states.light[frame]))
        image = (image - 128) * light + 128 * light + offset
        image += grain * rng.standard_normal(image.shape, dtype=np.float32)
        yield np.clip(np.rint(image), 0, 255).astype(np.uint8)


def check_action(action: str) -> None:
    """Refuse an action that does not exist.

    Parameters
    ----------
    action : str
        Should be in `ACTIONS`.

    Raises
    ------
    ValueError
        Naming the close matches and the whole choice.

    Examples
    --------
    >>> check_action("bounce")
    """
    if action in ACTIONS:
        return
    close = difflib.get_close_matches(str(action), ACTIONS, n=2)
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    raise ValueError(f"There is no action {action!r}.{hint} The actions are {', '.join(ACTIONS)}.")


def check_geometry(n_frames: int, size: tuple[int, int], fps: float) -> None:
    """Refuse a length, size or rate that no video has.

    Parameters
    ----------
    n_frames, size, fps
        As for `render_action_video`.

    Raises
    ------
    ValueError
        Naming the parameter, its value and what it may be.

    Examples
    --------
    >>> check_geometry(16, (48, 64), 25.0)
    """
    if not isinstance(n_frames, int | np.integer) or n_frames < 1:
        raise ValueError(f"n_frames={n_frames!r} is not a length; pass a whole number from 1 up.")
    whole = isinstance(size, Sequence) and all(isinstance(side, int | np.integer) for side in size)
    if not whole or len(size) != 2 or min(size) < 32:
        raise ValueError(
            f"size={size!r} is not a size; pass (height, width) in whole pixels, each at least 32."
        )
    if not isinstance(fps, int | float | np.number) or not 0 < fps < np.inf:
        raise ValueError(f"fps={fps!r} is not a rate; pass a positive number, as 25.0.")


def _stream(seed: int | Sequence[int], purpose: int) -> np.random.Generator:
    # One seed serves the scene and the performance, with numbers that have nothing in common.
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(purpose,))))


def _shake(rng: np.random.Generator, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    # A hand that holds a camera: three slow sways along each axis, (n_frames, 2), in units of the
    # frame's shorter side.
    strength = rng.uniform(0, 0.006)
    frequency = rng.uniform(0.3, 3.0, (3, 2, 1))
    phase = rng.random((3, 2, 1))
    sway = np.sin(2 * np.pi * (frequency * seconds + phase)).sum(axis=0)
    return np.asarray(strength * sway.T)


def _shifted(image: _Image, down: float, right: float) -> _Image:
    # Bilinear and periodic: the background moves by fractions of a pixel.
    rows, columns = int(np.floor(down)), int(np.floor(right))
    y, x = np.float32(down - rows), np.float32(right - columns)
    here = np.roll(image, (rows, columns), axis=(0, 1))
    here = here + y * (np.roll(here, 1, axis=0) - here)
    return np.asarray(here + x * (np.roll(here, 1, axis=1) - here))


def draw_object(
    image: _Image,
    scene: Scene,
    states: States,
    *,
    item: int,
    frame: int,
    shake: tuple[float, float],
) -> None:
    """Lay one object over an image, in place; what sticks out comes back on the other side.

    Edges are antialiased, so that motion by fractions of a pixel shows.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), float32
        What is behind, in 0..255.
    scene : Scene
        The objects.
    states : States
        Where they are.
    item, frame : int
        Which object, and when.
    shake : (float, float)
        How far the camera moves everything down and to the right, in pixels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scene = draw_scene(rng, (48, 64))
    >>> states = action_states("still", rng, n_objects=4, n_frames=1, fps=25, aspect=4 / 3)
    >>> image = scene.background.copy()
    >>> draw_object(image, scene, states, item=0, frame=0, shake=(0.0, 0.0))
    >>> bool((image != scene.background).any())
    True
    """
    height, width = image.shape[:2]
    thing = scene.objects[item]
    zoom = states.zoom[item, frame]
    # The range is cyclic: an object fades out at one end and in at the other.
    edge = min(zoom, 1 - zoom) / _FADE
    opacity = 1.0 if edge >= 1 else edge * edge * (3 - 2 * edge)
    unit = thing.radius * min(height, width) * _ZOOM[0] * (_ZOOM[1] / _ZOOM[0]) ** zoom
    reach = unit * (1.0 if isinstance(thing, Figure) else 1 + thing.amplitudes.sum()) + 1
    y = states.y[item, frame] * height + shake[0]
    x = states.x[item, frame] * width + shake[1]
    rows = np.arange(np.ceil(y - reach), np.floor(y + reach) + 1)[:height]
    columns = np.arange(np.ceil(x - reach), np.floor(x + reach) + 1)[:width]
    across = ((columns - x) / unit).astype(np.float32)[None, :]
    down = ((rows - y) / unit).astype(np.float32)[:, None]
    cos, sin = (np.float32(f(2 * np.pi * states.angle[item, frame])) for f in (np.cos, np.sin))
    u, v = across * cos + down * sin, down * cos - across * sin
    if isinstance(thing, Figure):
        outside, colour = _figure(thing, u, v, joints(states.limbs[item, frame]))
    else:
        outside, colour = _shape(thing, u, v)
    # The distance to the outline in pixels gives how much of a pixel is covered.
    cover = np.clip(0.5 - outside * np.float32(unit), 0, 1) * np.float32(opacity)
    where = np.ix_(rows.astype(int) % height, columns.astype(int) % width)
    under = image[where]
    image[where] = under + cover[..., None] * (colour - under)


def _figure(
    figure: Figure, u: _Image, v: _Image, strokes: NDArray[np.float64]
) -> tuple[_Image, _Image]:
    # Distance outside the nearest part, and that part's colour, for every pixel.
    outside = np.hypot(u, v + np.float32(0.52)) - np.float32(0.16)
    part = np.zeros(outside.shape, np.int8)
    kinds = [1, 2, 2, 3, 3, 2, 2, 3, 3]  # torso, then upper and lower halves: arms, legs
    for kind, (begin, end) in zip(kinds, strokes.astype(np.float32), strict=True):
        along = end - begin
        du, dv = u - begin[0], v - begin[1]
        share = np.clip((du * along[0] + dv * along[1]) / (along @ along), 0, 1)
        thick = figure.thickness * (2.0 if kind == 1 else 1.0)
        stroke = np.hypot(du - share * along[0], dv - share * along[1]) - np.float32(thick)
        nearer = stroke < outside
        outside[nearer] = stroke[nearer]
        part[nearer] = kind
    return outside, figure.colours[part]


def _shape(shape: Shape, u: _Image, v: _Image) -> tuple[_Image, _Image]:
    angle = np.arctan2(v, u)
    harmonics = np.arange(1, len(shape.amplitudes) + 1)
    turns = angle[..., None] * harmonics.astype(np.float32) + shape.phases.astype(np.float32)
    waves = shape.amplitudes.astype(np.float32)
    radius = 1 + np.cos(turns) @ waves
    slope = np.sin(turns) @ (waves * harmonics.astype(np.float32))
    # Along the ray the outline is this far away; across it, less, where the outline is oblique.
    outside = (np.hypot(u, v) - radius) / np.hypot(1, slope / radius)
    return outside.astype(np.float32), _texture(shape.texture, u, v)


def _texture(texture: _Image, u: _Image, v: _Image) -> _Image:
    # Bilinear look-up; one radius is half the texture.
    x, y = u * np.float32(TEXTURE / 2), v * np.float32(TEXTURE / 2)
    left, top = np.floor(x), np.floor(y)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    column, row = left.astype(np.intp) % TEXTURE, top.astype(np.intp) % TEXTURE
    right, below = (column + 1) % TEXTURE, (row + 1) % TEXTURE
    upper = texture[row, column] * (1 - fx) + texture[row, right] * fx
    lower = texture[below, column] * (1 - fx) + texture[below, right] * fx
    return np.asarray(upper * (1 - fy) + lower * fy)
