"""Drawing a body: coloured limbs, near ones before far ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .skeleton import Body
from .textures import noise

__all__ = ["Clothes", "draw_figure"]

Values = NDArray[np.float64]
_FINER = 2  # figures are drawn so many times finer than they are shown


@dataclass(frozen=True)
class Clothes:
    """What a figure wears, and the colour of its skin and hair; all RGB in 0..255."""

    skin: Values
    hair: Values
    shirt: Values
    sleeve: Values
    trousers: Values
    shin: Values
    shoes: Values

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Clothes:
        """Draw an outfit: long sleeves or short, one colour or several."""
        light = rng.uniform(0.25, 1.0)
        skin = np.clip(np.array([235, 190, 160]) * light + rng.normal(0, 10, 3), 0, 255)
        shirt, trousers, shoes = (_cloth(rng) for _ in range(3))
        if rng.random() < 0.25:
            trousers = shirt
        hair = rng.uniform(0, 255, 3) * rng.uniform(0.1, 0.8)
        return cls(
            skin=skin,
            hair=hair,
            shirt=shirt,
            sleeve=skin if rng.random() < 0.5 else shirt,
            trousers=trousers,
            shin=skin if rng.random() < 0.25 else trousers,
            shoes=shoes,
        )


def _cloth(rng: np.random.Generator) -> Values:
    colour = rng.uniform(0, 255, 3)
    if rng.random() < 0.6:  # most cloth is not colourful
        colour += rng.uniform(0.5, 1.0) * (colour.mean() - colour)
    return colour


def draw_figure(
    joints: dict[str, Values],
    nearness: dict[str, Values],
    body: Body,
    clothes: Clothes,
    *,
    scale: Values,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draw a figure in every frame.

    Parameters
    ----------
    joints : dict of str to ndarray of shape (n_frames, 2)
        Columns and rows on the screen, in pixels.
    nearness : dict of str to ndarray of shape (n_frames,)
        Of the joints, in body heights: what is nearer is drawn over what is farther.
    body : Body
    clothes : Clothes
    scale : ndarray of shape (n_frames,)
        Pixels of a body height.
    size : (int, int)
        Height and width of the frames.
    rng : Generator
        Of the light.

    Returns
    -------
    ndarray of shape (n_frames, height, width, 4), uint8
        RGB weighted by the cover, and the cover.
    """
    height, width = size
    n_frames = len(scale)
    shade = rng.uniform(0.6, 1.0)
    parts = _limbs(body, clothes)
    layers = np.empty((n_frames, height, width, 4), np.uint8)
    points = {name: places * _FINER for name, places in joints.items()}
    for n in range(n_frames):
        picture = Image.new("RGBa", (width * _FINER, height * _FINER))
        pen = ImageDraw.Draw(picture)
        unit = float(scale[n]) * _FINER
        order = sorted(parts, key=lambda part: nearness[part.start][n] + nearness[part.end][n])
        nearest = max(nearness[part.start][n] for part in parts)
        for part in order:
            # What is turned away from the light of the viewer is a little darker.
            far = 1 - (1 - shade) * min(1.0, (nearest - nearness[part.start][n]) / 0.25)
            paint = tuple(int(value * far) for value in part.paint)
            ends = (points[part.start][n], points[part.end][n])
            _draw_limb(pen, part, ends, unit, (*paint, 255))
        # Of "RGBa", unlike "RGBA", the plain average: colours are weighted by the cover.
        layers[n] = np.asarray(picture.reduce(_FINER))
    if rng.random() < 0.5:
        pattern = np.clip(200 + rng.uniform(10, 45) * noise(rng, 64, rng.uniform(0.3, 1.5)), 0, 255)
        _print(layers, pattern.astype(np.uint16), points["neck"] / _FINER)
    return layers


def _print(layers: NDArray[np.uint8], pattern: NDArray[np.uint16], anchor: Values) -> None:
    """Darken by a pattern that goes with the figure, as folds and prints of cloth do."""
    height, width = layers.shape[1:3]
    rows, columns = np.arange(height), np.arange(width)
    side = len(pattern)
    for layer, (x, y) in zip(layers, np.rint(anchor).astype(int), strict=True):
        printed = pattern[((rows - y) % side)[:, None], ((columns - x) % side)[None]]
        layer[..., :3] = (layer[..., :3] * printed[..., None]) >> 8


@dataclass(frozen=True)
class _Limb:
    """A part of a body: between which joints, how thick at either end, its colour."""

    start: str
    end: str
    thick: float
    thin: float
    paint: tuple[int, ...]
    is_last: bool  # no other part begins where it ends


def _limbs(body: Body, clothes: Clothes) -> list[_Limb]:
    limb = body.limb
    parts = [
        _limb("hips", "neck", 0.9 * (body.hips + limb), 0.75 * body.shoulders, clothes.shirt),
        _limb("neck", "head", 0.9 * limb, 0.9 * limb, clothes.skin),
        _limb("head", "head", body.head, body.head, clothes.skin),
        _limb("crown", "crown", 0.9 * body.head, 0.9 * body.head, clothes.hair),
    ]
    for side, other in (("left", "right"), ("right", "left")):
        shoulder, elbow, wrist, hand = (
            f"{side} {joint}" for joint in ("shoulder", "elbow", "wrist", "hand")
        )
        hip, knee, ankle, toes = (f"{side} {joint}" for joint in ("hip", "knee", "ankle", "toes"))
        parts += [
            _limb(shoulder, f"{other} hip", 1.3 * limb, 1.3 * limb, clothes.shirt),
            _limb(shoulder, elbow, 1.1 * limb, 0.9 * limb, clothes.shirt),
            _limb(elbow, wrist, 0.85 * limb, 0.65 * limb, clothes.sleeve),
            _limb(wrist, hand, 0.7 * limb, 0.7 * limb, clothes.skin, is_last=True),
            _limb(hip, knee, 1.7 * limb, 1.2 * limb, clothes.trousers),
            _limb(knee, ankle, 1.15 * limb, 0.8 * limb, clothes.shin),
            _limb(ankle, toes, 0.8 * limb, 0.6 * limb, clothes.shoes, is_last=True),
        ]
    return parts


def _limb(
    start: str, end: str, thick: float, thin: float, paint: Values, *, is_last: bool = False
) -> _Limb:
    return _Limb(start, end, thick, thin, tuple(int(value) for value in paint), is_last)


def _draw_limb(
    pen: ImageDraw.ImageDraw,
    part: _Limb,
    ends: tuple[Values, Values],
    unit: float,
    fill: tuple[int, ...],
) -> None:
    """Draw a disc, what leads to the end, and a disc there if nothing else begins there."""
    (x0, y0), (x1, y1) = (end.tolist() for end in ends)
    thick, thin = part.thick * unit, part.thin * unit
    pen.ellipse((x0 - thick, y0 - thick, x0 + thick, y0 + thick), fill)
    length = math.hypot(x1 - x0, y1 - y0)
    if length < 0.5:
        return
    across, along = (y0 - y1) / length, (x1 - x0) / length
    pen.polygon(
        (
            *(x0 + across * thick, y0 + along * thick, x1 + across * thin, y1 + along * thin),
            *(x1 - across * thin, y1 - along * thin, x0 - across * thick, y0 - along * thick),
        ),
        fill,
    )
    if part.is_last:
        pen.ellipse((x1 - thin, y1 - thin, x1 + thin, y1 + thin), fill)
