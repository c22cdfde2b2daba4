"""Pairs of frames whose flow is known exactly: a texture of waves, drawn before and after."""

import numpy as np

# (x, y) -> A (x, y) + shift about the frame's centre, in pixels.
_ANGLE = np.deg2rad(2)
MOTIONS = {
    "translation": (np.eye(2), (1.5, -2.25)),
    "rotation": (
        np.array([[np.cos(_ANGLE), -np.sin(_ANGLE)], [np.sin(_ANGLE), np.cos(_ANGLE)]]),
        (0, 0),
    ),
    "zoom": (np.eye(2) * 1.02, (0, 0)),
    "shear": (np.array([[1, 0.03], [0, 1]]), (0, 0)),
}


def frames_and_flow(motion, shape=(96, 128), seed=0):
    """Draw both frames, uint8 (height, width, 3), and the flow that leads from one to the other."""
    matrix, shift = MOTIONS[motion] if isinstance(motion, str) else motion
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    centre = (np.array(shape[::-1]) - 1) / 2
    places = np.stack([columns, rows], axis=-1) - centre
    texture = _waves(seed)
    # The texture at p is seen at A p + shift, so at q is seen what was at A^-1 (q - shift).
    origins = (places - shift) @ np.linalg.inv(matrix).T
    return texture(places), texture(origins), places @ matrix.T + shift - places


def end_point_error(flow, truth, border=12):
    """Give the mean distance in pixels between two flows, away from the frame's border."""
    inside = (slice(border, -border), slice(border, -border))
    return np.linalg.norm(flow - truth, axis=-1)[inside].mean()


def _waves(seed, n_waves=60):
    """Sum plane waves, 6 to 60 pixels long in any direction; smooth, and known at every place."""
    rng = np.random.default_rng(seed)
    length = 6 * 10 ** rng.random(n_waves)
    angle = rng.random(n_waves) * 2 * np.pi
    numbers = 2 * np.pi / length * np.stack([np.cos(angle), np.sin(angle)])
    heights = (
        rng.normal(size=(n_waves, 3)) * length[:, None] ** 0.5
    )  # channels are alike, not equal
    heights[:, 1:] = heights[:, :1] + heights[:, 1:] / 2
    phases = rng.random(n_waves) * 2 * np.pi
    heights /= np.sqrt((heights**2).sum(axis=0) / 2)  # to a standard deviation of 1

    def texture(places):
        light = np.sin(places @ numbers + phases) @ heights
        return np.clip(np.rint(128 + 45 * light), 0, 255).astype(np.uint8)

    return texture
