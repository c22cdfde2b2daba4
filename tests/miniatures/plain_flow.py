"""Optical flow of videos computed plainly: OpenCV, frame by frame and pair by pair, in a list."""

import threading
import time
import zlib
from itertools import pairwise

import cv2
import numpy as np


def moving(n_frames, size=(48, 64), seed=0):
    """A soft texture that goes 2 pixels to the right and 1 down, as an array."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 1.5, borderType=cv2.BORDER_WRAP)
    return np.stack([np.roll(picture, (t, 2 * t), (0, 1)) for t in range(n_frames)])


def difference(previous, following):
    """Flow that costs nothing and tells any two frames from others."""
    return (following.astype(np.float32) - previous)[..., :2] / 8


class Difference:
    """The same, and what it was asked."""

    def __init__(self, seconds=0.0):
        self.n_at_once = self.most_at_once = 0
        self.pairs = []
        self._seconds = seconds
        self._guard = threading.Lock()

    @property
    def n_calls(self):
        return len(self.pairs)

    def __call__(self, previous, following):
        with self._guard:
            self.pairs.append((name_of(previous), name_of(following)))
            self.n_at_once += 1
            self.most_at_once = max(self.most_at_once, self.n_at_once)
        time.sleep(self._seconds)
        with self._guard:
            self.n_at_once -= 1
        return difference(previous, following)


def name_of(frame):
    return zlib.crc32(frame.tobytes())


def dis(previous, following):
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return method.calc(grey(previous), grey(following), None)


def tvl1(previous, following):
    method = cv2.optflow.createOptFlow_DualTVL1()
    return method.calc(grey(previous), grey(following), None)


def grey(frame):
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def plain_resize(frames, shorter):
    """Frames of which the shorter side is so long."""
    height, width = frames[0].shape[:2]
    if height < width:
        size = (shorter * width // height, shorter)
    else:
        size = (shorter, shorter * height // width)
    return [cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) for frame in frames]


def plain_crop(values, crop):
    """The centre of frames."""
    top, left = (values.shape[-3] - crop[0]) // 2, (values.shape[-2] - crop[1]) // 2
    return values[..., top : top + crop[0], left : left + crop[1], :]


def plain_flow(frames, estimate, shorter, bound=20):
    """What the network sees of each frame before it is cropped; the last has no next."""
    flows = [estimate(a, b) for a, b in pairwise(plain_resize(frames, shorter))]
    clipped = np.clip(np.stack([*flows, flows[-1]]), -bound, bound)
    return clipped.astype(np.float32) / np.float32(bound)


def windows(values, length, stride):
    """Clips of so many frames, as long as there are as many."""
    return [values[t : t + length] for t in range(0, len(values) - length + 1, stride)]
