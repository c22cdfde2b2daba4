"""The C3D descriptor of Tran et al. as a transformer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from skvideo3d.video.limits import MAX_PIXELS
from skvideo3d.video.preprocessing import Preprocessing

from .base import VideoTransformer

__all__ = ["C3DTransformer"]


class C3DTransformer(VideoTransformer):
    """Videos to C3D descriptors.

    A video is cut into 16-frame clips that overlap by 8 frames; the fc6 activations of the C3D
    network are averaged over the clips and L2-normalised [1]_.

    Parameters
    ----------
    weights : str, path-like or None, default="sports1m"
        A published name (``skvideo3d weights list``), "compact" for the small network that comes
        with the package, the path of a checkpoint in any published layout, or None for a randomly
        initialised network.
    layer : str or sequence of str, default="fc6"
        "pool5" (8192 values), "fc6", "fc7" (4096, after ReLU), "fc8" (487 scores) or "prob"; of
        "compact" pool5 has 128, fc6 and fc7 have 512, and there is no more. Each of several layers
        is pooled and normalised on its own, then they are put side by side.
    clip_len : int, default=16
        Frames in a clip.
    clip_stride : int, default=8
        Frames from the start of a clip to the start of the next.
    fps : float, default=None
        Frame rate in frames per second to which files are resampled by their time stamps, as
        FFmpeg's ``fps`` filter does; None takes every frame.
    pooling : {"mean", "max"}, default="mean"
        How the clips of a video become one vector.
    norm : {"l2", "l1", "max"} or None, default="l2"
        Norm to which each layer's vector is scaled; None leaves it.
    n_components : int, float or None, default=None
        Dimensions of a PCA that `fit` learns on the training videos; a float between 0 and 1 is
        the share of variance to keep. There is no second normalisation after it.
    whiten : bool, default=False
        Whether the PCA scales its components to unit variance.
    preprocessing : Preprocessing or None, default=None
        Replaces the recipe that belongs to the weights.
    short_video : {"loop", "repeat_last", "error"}, default="loop"
        What to do with a video shorter than one clip: start it again, repeat its last frame, or
        refuse it.
    on_error : {"raise", "nan"}, default="raise"
        Whether a video that cannot be described stops the work, or leaves a row of NaN, a warning
        and an entry in `failures_`.
    timeout : float or None, default=1800.0
        Seconds that reading one video may take, not counting waits for the network; a reader that
        takes longer is given up and the video has failed. None waits for ever.
    max_pixels : int, default=67108864
        Videos with larger frames (width times height) are refused, as a small file can claim any
        size. The default is twice 8k UHD.
    precision : {"float32", "bfloat16", "float16", "auto"}, default="float32"
        In which the network computes; "auto" is bfloat16 where all devices have it natively.
        "float16" is for GPUs: most CPUs are many times slower with it than with "float32".
    device : str, sequence of str or None, default=None
        A torch device such as "cpu" or "cuda:1", or several, which share the clips among them;
        None is CUDA where there is one, else the CPU.
    batch_size : int or None, default=None
        Clips that go through the network at once; None is 4, on a GPU 16. It changes descriptors by
        rounding only (1e-5 relative).
    n_jobs : int or None, default=None
        Processes, or other workers of the active `joblib.parallel_config`, that describe videos.
        None is 1 unless a config says otherwise; one uses all cores. Processes share the cores out,
        so that they do not fight, and each loads its own copy of the weights: they can pay for
        many videos on an idle machine, across machines, and where decoding in one process cannot
        keep up with a GPU. Threads on one CPU take turns with the network and gain nothing.
    memory : str, path-like, joblib.Memory or None, default=None
        Folder in which descriptors are kept, so that each video is decoded once across calls,
        folds, processes and runs. PCA, norm and classifier can change without decoding.
    random_state : int, RandomState or None, default=None
        Seed of random weights (``weights=None``) and of the PCA's randomised solver.
    verbose : int, default=0
        Above 0 a progress bar on stderr.

    Attributes
    ----------
    feature_blocks_ : dict of str to slice
        Columns of each layer, before PCA.
    weights_sha256_ : str
        What the weights are known by.
    pca_ : sklearn.decomposition.PCA
        Only with `n_components`.
    seed_ : int
        Only with random weights.
    failures_ : list of (int, object, str)
        Position, video and reason of those that failed in the last call, under ``on_error="nan"``.
    losses_ : list of (int, object, str)
        Position, video and what was lost of those that could be read only in part in the last
        call. Their descriptors come from the frames that could be decoded.

    References
    ----------
    .. [1] Tran, Bourdev, Fergus, Torresani, Paluri: Learning Spatiotemporal Features with 3D
       Convolutional Networks, ICCV 2015.

    Examples
    --------
    Random weights, two clips of noise:

    >>> import numpy as np
    >>> from skvideo3d import C3DTransformer
    >>> videos = np.random.default_rng(0).integers(0, 256, (2, 16, 60, 80, 3), dtype=np.uint8)
    >>> C3DTransformer(weights=None, random_state=0).fit_transform(videos).shape
    (2, 4096)
    """

    _architecture = "c3d"
    _default_batch_size = 4
    _default_gpu_batch_size = 16

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = "sports1m",
        *,
        layer: str | Sequence[str] = "fc6",
        clip_len: int = 16,
        clip_stride: int = 8,
        fps: float | None = None,
        pooling: Literal["mean", "max"] = "mean",
        norm: Literal["l1", "l2", "max"] | None = "l2",
        n_components: float | None = None,
        whiten: bool = False,
        preprocessing: Preprocessing | None = None,
        short_video: Literal["loop", "repeat_last", "error"] = "loop",
        on_error: Literal["raise", "nan"] = "raise",
        timeout: float | None = 1800.0,
        max_pixels: int = MAX_PIXELS,
        precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32",
        device: str | Sequence[str] | None = None,
        batch_size: int | None = None,
        n_jobs: int | None = None,
        memory: Any = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            weights,
            layer=layer,
            clip_len=clip_len,
            clip_stride=clip_stride,
            fps=fps,
            pooling=pooling,
            norm=norm,
            n_components=n_components,
            whiten=whiten,
            preprocessing=preprocessing,
            short_video=short_video,
            on_error=on_error,
            timeout=timeout,
            max_pixels=max_pixels,
            precision=precision,
            device=device,
            batch_size=batch_size,
            n_jobs=n_jobs,
            memory=memory,
            random_state=random_state,
            verbose=verbose,
        )
