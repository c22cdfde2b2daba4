"""The I3D features of Carreira and Zisserman as a transformer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skvideo3d.flow.opencv import OPENCV_METHODS
from skvideo3d.flow.recipe import FlowFunction, OpticalFlow
from skvideo3d.models.checkpoints import Weights, foresee_weights, resolve_weights
from skvideo3d.models.registry import names_both_streams
from skvideo3d.video.limits import MAX_PIXELS
from skvideo3d.video.preprocessing import Preprocessing

from .base import VideoTransformer
from .spec import Stream

__all__ = ["I3DTransformer"]

StreamName = Literal["rgb", "flow"]
OneWeights = str | os.PathLike[str] | None
WeightsOfStreams = OneWeights | Sequence[OneWeights] | Mapping[str, OneWeights]


class I3DTransformer(VideoTransformer):
    """Videos to I3D features: of frames, of optical flow, or of both.

    A video is cut into clips of 64 frames; the average-pooled last map of the inflated Inception
    network is averaged over the clips and L2-normalised [1]_.

    Parameters
    ----------
    weights : str, path-like, None, or one for each stream, default="kinetics400"
        A published name (``skvideo3d weights list``), the path of a checkpoint in any published
        layout, or None for a randomly initialised network. Of two streams a pair (RGB, flow) or a
        dict with the keys "rgb" and "flow", of which one stream takes its own; "kinetics400" and
        None are for both.
    stream : {"rgb", "flow", "two-stream"}, default="rgb"
        What the network looks at: frames; optical flow; or two networks, one at each, that see the
        same clips of one reading of the video.
    flow : OpticalFlow, {"tvl1", "dis"} or callable, default="tvl1"
        How optical flow is computed; see `skvideo3d.flow.OpticalFlow`. TV-L1 is what the published
        weights were trained with, DIS some eighty times faster. Not used by ``stream="rgb"``.
        An array of floating-point numbers of shape (T, H, W, 2) in X is flow itself, in pixels.
    layer : str or sequence of str, default="avg_pool"
        "avg_pool" (1024 values), "logits" (400), "prob", or an end point of the network such as
        "Mixed_4f", which is averaged over space and time. Each of several layers is pooled and
        normalised on its own, then they are put side by side. Of two streams, each has its layer,
        "rgb/avg_pool" before "flow/avg_pool"; but "logits" is the sum of the two, as in the paper,
        and "prob" the softmax of that sum.
    clip_len : int, default=64
        Frames in a clip; at least 9 for "avg_pool" and what follows it.
    clip_stride : int, default=64
        Frames from the start of a clip to the start of the next.
    fps : float, default=None
        Frame rate in frames per second to which files are resampled by their time stamps, as
        FFmpeg's ``fps`` filter does; None takes every frame. Arrays of flow are of this rate
        already.
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
        Clips that go through the network at once; None is 2, on a GPU 4. It changes descriptors by
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
    weights_sha256_ : str, or dict of str to str by stream
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
    .. [1] Carreira, Zisserman: Quo Vadis, Action Recognition? A New Model and the Kinetics
       Dataset, CVPR 2017.

    Examples
    --------
    Random weights, one short clip of noise:

    >>> import numpy as np
    >>> from skvideo3d import I3DTransformer
    >>> videos = np.random.default_rng(0).integers(0, 256, (1, 9, 60, 80, 3), dtype=np.uint8)
    >>> transformer = I3DTransformer(weights=None, clip_len=9, random_state=0)
    >>> transformer.fit_transform(videos).shape
    (1, 1024)

    Two streams, of which the second computes flow by a function:

    >>> def no_motion(previous, following):
    ...     return np.zeros((*previous.shape[:2], 2))
    >>> transformer.set_params(stream="two-stream", flow=no_motion, layer=("avg_pool", "prob"))
    I3DTransformer(...)
    >>> transformer.fit_transform(videos).shape, list(transformer.feature_blocks_)
    ((1, 2448), ['rgb/avg_pool', 'flow/avg_pool', 'prob'])
    """

    _architecture = "i3d"
    _default_batch_size = 2
    _default_gpu_batch_size = 4
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **VideoTransformer._parameter_constraints,
        "weights": [*VideoTransformer._parameter_constraints["weights"], tuple, list, Mapping],
        "stream": [StrOptions({"rgb", "flow", "two-stream"})],
        "flow": [StrOptions(set(OPENCV_METHODS)), callable, OpticalFlow],
    }

    def __init__(
        self,
        weights: WeightsOfStreams = "kinetics400",
        *,
        stream: Literal["rgb", "flow", "two-stream"] = "rgb",
        flow: OpticalFlow | Literal["tvl1", "dis"] | FlowFunction = "tvl1",
        layer: str | Sequence[str] = "avg_pool",
        clip_len: int = 64,
        clip_stride: int = 64,
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
        self.stream = stream
        self.flow = flow

    def _foresee_streams(self) -> tuple[Stream, ...] | None:
        found = []
        for name, weights in self._weights_by_stream().items():
            foreseen = foresee_weights(weights, "i3d", name)
            if foreseen is None:
                return None
            found.append(self._stream_of(name, foreseen))
        return tuple(found)

    def _resolve_streams(self, seed: int | None) -> tuple[Stream, ...]:
        return tuple(
            self._stream_of(
                name,
                resolve_weights(
                    weights, "i3d", stream=name, seed=seed, preprocessing=self.preprocessing
                ),
            )
            for name, weights in self._weights_by_stream().items()
        )

    def _stream_of(self, name: StreamName, weights: Weights) -> Stream:
        flow = None
        if name == "flow":
            flow = OpticalFlow.from_any(self.flow)
            if flow.keep and self.memory is None:
                raise ValueError(
                    "OpticalFlow(keep=True) keeps flow below the folder memory=, which is None; "
                    "give one, or leave keep out."
                )
        return Stream(weights, self.preprocessing or weights.preprocessing, flow)

    def _used_weights(self) -> list[OneWeights]:
        return list(self._weights_by_stream().values())

    def _weights_by_stream(self) -> dict[StreamName, OneWeights]:
        """Sort the weights by the streams that are asked for."""
        given = self.weights
        names: tuple[StreamName, ...] = ("rgb", "flow")
        wanted = [name for name in names if self.stream in (name, "two-stream")]
        if isinstance(given, Mapping):
            if set(wanted) <= set(given) <= set(names):
                return {name: given[name] for name in wanted}
        elif isinstance(given, (tuple, list)):
            if len(given) == len(names):
                return {n: w for n, w in zip(names, given, strict=True) if n in wanted}
        elif self.stream != "two-stream":
            return {self.stream: given}
        elif given is None or (isinstance(given, str) and names_both_streams(given)):
            return dict.fromkeys(names, given)
        needed = (
            'one for each stream: weights=("rgb.pt", "flow.pt"), weights={"rgb": ..., "flow": ...}'
            ', or a name that is of both, such as "kinetics400"'
            if self.stream == "two-stream"
            else "one, a name or a path"
        )
        raise ValueError(f"weights={given!r}: stream={self.stream!r} takes {needed}.")
