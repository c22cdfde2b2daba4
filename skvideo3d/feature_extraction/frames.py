"""The features of an image network, averaged over the frames of a video, as a transformer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval

from skvideo3d.video.limits import MAX_PIXELS
from skvideo3d.video.preprocessing import Preprocessing

from .base import VideoTransformer
from .spec import Stream

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FrameTransformer"]


class FrameTransformer(VideoTransformer):
    """Videos to the mean of their frames' features, which know nothing of motion.

    The baseline that descriptors of videos are measured against: a network for images describes
    every frame, its features are averaged over the frames of a video and L2-normalised; the rows
    "ImageNet" of the C3D paper's tables [1]_.

    Parameters
    ----------
    network : str or torch.nn.Module, default="resnet18"
        A classification network of torchvision by its name, where torchvision is installed, or any
        module that takes frames of shape (n, 3, height, width). A module is not changed: it is
        copied, and its copy evaluates in float32. What its ``forward`` keeps from one call for the
        next makes rows depend on what came before.
    weights : str, path-like or None, default="default"
        "default" for the weights that torchvision recommends, or that the module has; a name of
        torchvision's such as "IMAGENET1K_V2"; the path of a state dict; or None for random weights.
        torchvision fetches what it publishes into the folder of all other weights.
    layer : str or sequence of str, default="penultimate"
        "output" is what the network gives. "penultimate" is what goes into the fully connected
        layer (`torch.nn.Linear`) that gives it, also where modules such as softmax or flattening
        follow, or the output itself where there is none. Other layers are submodules by their
        dotted names, such as "layer4.0". Maps of shape (n, d, height, width) are averaged over
        space, and tokens of shape (n, tokens, d) over tokens. Each of several layers is pooled and
        normalised on its own, then they are put side by side.
    frame_stride : int, default=1
        Frames from one that is described to the next.
    fps : float, default=None
        Frame rate in frames per second to which files are resampled by their time stamps, as
        FFmpeg's ``fps`` filter does; None takes every frame.
    pooling : {"mean", "max"}, default="mean"
        How the frames of a video become one vector.
    norm : {"l2", "l1", "max"} or None, default="l2"
        Norm to which each layer's vector is scaled; None leaves it.
    n_components : int, float or None, default=None
        Dimensions of a PCA that `fit` learns on the training videos; a float between 0 and 1 is
        the share of variance to keep. There is no second normalisation after it.
    whiten : bool, default=False
        Whether the PCA scales its components to unit variance.
    preprocessing : Preprocessing or None, default=None
        Replaces the recipe that belongs to the weights: sizes and normalisation of torchvision's
        published weights, `skvideo3d.video.IMAGENET_PREPROCESSING` for all others. Frames are
        resized bilinearly without antialiasing; torchvision resizes with it, and bicubically for
        most weights of EfficientNet and those of Swin, MaxViT and SWAG.
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
        A torch device such as "cpu" or "cuda:1", or several, which share the frames among them;
        None is CUDA where there is one, else the CPU.
    batch_size : int or None, default=None
        Frames that go through the network at once; None is 16, on a GPU 64. It changes descriptors
        by rounding only (1e-5 relative).
    n_jobs : int or None, default=None
        Processes, or other workers of the active `joblib.parallel_config`, that describe videos.
        None is 1 unless a config says otherwise; one uses all cores. Processes share the cores out,
        so that they do not fight, and each loads its own copy of the weights. A module is sent to
        them with every portion of the videos.
    memory : str, path-like, joblib.Memory or None, default=None
        Folder in which descriptors are kept, so that each video is decoded once across calls,
        folds, processes and runs. A module is known by its parts, arrays, attributes and code; one
        that holds what cannot be told from others is refused. Not seen is what code reaches by the
        name of a Python module, as in ``layers.scale(x)``, and a new version of an installed
        package: when these change, use another folder.
    random_state : int, RandomState or None, default=None
        Seed of random weights (``weights=None``) and of the PCA's randomised solver.
    verbose : int, default=0
        Above 0 a progress bar on stderr.

    Attributes
    ----------
    feature_blocks_ : dict of str to slice
        Columns of each layer, before PCA.
    weights_sha256_ : str
        What the weights are known by: a file by its content, a module by its structure and all its
        arrays.
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
    A module of one's own, two videos of noise:

    >>> import numpy as np
    >>> from torch import nn
    >>> from skvideo3d import FrameTransformer
    >>> network = nn.Sequential(nn.Conv2d(3, 16, 7, stride=8), nn.ReLU())
    >>> videos = np.random.default_rng(0).integers(0, 256, (2, 5, 60, 80, 3), dtype=np.uint8)
    >>> FrameTransformer(network).fit_transform(videos).shape
    (2, 16)
    """

    _architecture = "frame"
    _default_batch_size = 16
    _default_gpu_batch_size = 64
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "network": [str, HasMethods(["forward", "named_modules", "named_parameters"])],
        "frame_stride": [Interval(Integral, 1, None, closed="left")],
        **{
            name: constraint
            for name, constraint in VideoTransformer._parameter_constraints.items()
            if name not in ("clip_len", "clip_stride", "short_video")
        },
    }

    # A frame is a clip of one frame, and no video is shorter than that.
    clip_len = 1
    short_video = "loop"

    def __init__(
        self,
        network: str | nn.Module = "resnet18",
        *,
        weights: str | os.PathLike[str] | None = "default",
        layer: str | Sequence[str] = "penultimate",
        frame_stride: int = 1,
        fps: float | None = None,
        pooling: Literal["mean", "max"] = "mean",
        norm: Literal["l1", "l2", "max"] | None = "l2",
        n_components: float | None = None,
        whiten: bool = False,
        preprocessing: Preprocessing | None = None,
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
        # Not by way of the base, whose parameters of clips are none of this one's.
        self.network = network
        self.weights = weights
        self.layer = layer
        self.frame_stride = frame_stride
        self.fps = fps
        self.pooling = pooling
        self.norm = norm
        self.n_components = n_components
        self.whiten = whiten
        self.preprocessing = preprocessing
        self.on_error = on_error
        self.timeout = timeout
        self.max_pixels = max_pixels
        self.precision = precision
        self.device = device
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    @property
    def clip_stride(self) -> int:  # type: ignore[override]
        """Frames from the start of a clip to the start of the next."""
        return self.frame_stride

    def _foresee_streams(self) -> tuple[Stream, ...] | None:
        from skvideo3d.models.frame_weights import foresee_frame_weights

        weights = foresee_frame_weights(self.network, self.weights)
        return None if weights is None else (self._stream(weights),)

    def _resolve_streams(self, seed: int | None) -> tuple[Stream, ...]:
        from skvideo3d.models.frame_weights import resolve_frame_weights

        weights = resolve_frame_weights(
            self.network,
            self.weights,
            seed=seed,
            preprocessing=self.preprocessing,
            is_kept=getattr(self.memory, "location", self.memory) is not None,
        )
        return (self._stream(weights),)
