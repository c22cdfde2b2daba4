"""Networks as scikit-learn classifiers of videos."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.feature_extraction.unreadable import tell_unreadable
from skvideo3d.feature_extraction.validation import check_videos
from skvideo3d.video.limits import MAX_PIXELS
from skvideo3d.video.preprocessing import Preprocessing

from .engine import check_skorch
from .labels import LabelledVideos, check_groups, check_labels
from .recipes import TrainingRecipe

if TYPE_CHECKING:
    import torch

    from skvideo3d.feature_extraction import C3DTransformer, I3DTransformer

__all__ = ["VideoClassifier"]


class VideoClassifier(ClassifierMixin, BaseEstimator):
    """Train a network of 3D convolutions on labelled videos.

    The network learns from clips, which are cropped and mirrored at random; a video's probabilities
    are the mean of those of its evenly spaced clips, ten in the C3D paper [1]_. The loop is
    skorch's, which the extra ``train`` installs.

    Parameters
    ----------
    network : str or Module, default="c3d"
        A name: "c3d", "c3d-bn" (with batch normalisation, as in [2]_), "i3d", "study-depth-1",
        "study-depth-3", "study-depth-5", "study-depth-7", "study-increasing", "study-decreasing",
        "net-64", "net-128", "net-256" (the C3D paper's studies). Or a module: one of
        `skvideo3d.models`, or any that gives scores of shape (n, n_classes) for clips of shape
        (n, 3, frames, height, width). A module is copied, and begins with its own weights.
    weights : str, path-like or None, default=None
        What a named network begins with: a published name, or a checkpoint in any published layout.
        If it is for another number of classes, the last layer is new. None is random.
    recipe : str or TrainingRecipe, default="ucf101-study"
        A name in `RECIPES`, or your own.
    freeze : str or None, default=None
        The last layer that is left as it is, with all before it: no gradient, no weight decay, and
        batch normalisations keep their statistics. Without `weights` these layers stay random, and
        a warning says so.
    input_size : int, (int, int) or None, default=None
        Height and width of the clips; frames are resized in proportion. None is what the network,
        or its weights, are for.
    clip_len : int or None, default=None
        Frames in a clip; None is what the network is for, or the recipe's for one that takes any.
    preprocessing : Preprocessing or None, default=None
        Replaces what belongs to the network or its weights. For random weights that is the paper's
        with pixels divided by 64: at their own size they make the first steps too large for
        weights drawn after He et al. 2015.
    network_params : mapping or None, default=None
        Further arguments of the network's constructor, such as ``{"width": 0.25}``.
    max_epochs, batch_size : int or None, default=None
        Replace the recipe's. A number of epochs takes the place of a number of iterations too.
    lr, weight_decay : float or None, default=None
        Replace the recipe's.
    class_weight : {"balanced"}, mapping or None, default=None
        Weights of the classes in the loss, which is then the weighted mean over the clips;
        "balanced" is by the number of videos.
    validation : float, splitter or None, default=None
        A share of the videos, of each class the same; of the groups, where `fit` is given groups.
        Or the first split of a scikit-learn splitter; one that draws needs a random_state of its
        own where a training is to go on from a checkpoint. None trains on all.
    n_test_clips : int, default=10
        Clips of a video for predicting and validating.
    fps : float or None, default=None
        Frame rate to which files are resampled; None takes every frame.
    on_error : {"raise", "nan"}, default="raise"
        Whether a video that cannot be read stops the work, or is left out of the training, gets
        probabilities of NaN, a warning and an entry in `failures_`.
    precision : {"float32", "bfloat16"}, default="float32"
        In which convolutions and fully connected layers multiply. Weights, normalisations and loss
        are float32 either way.
    device : str or None, default=None
        A torch device; None is CUDA where there is one, else the CPU.
    n_jobs : int or None, default=None
        Processes that decode videos.
    memory : str, path-like, joblib.Memory or None, default=None
        Folder in which decoded frames are kept, resized, for further fits and processes. None is a
        temporary one, which goes when the fit is over.
    max_bytes : int or None, default=None
        That the kept frames may take; videos beyond it are decoded in every epoch. None is half of
        what is free on the disk.
    checkpoint : str, path-like or None, default=None
        A file that ends in ``.ckpt``: a training that was stopped goes on from it, to the same
        result; one of another training is refused. Or a folder, in which each training has a file
        of its own, as a grid search needs it.
    checkpoint_minutes : float, default=15.0
        A checkpoint is written after every epoch, and after so many minutes of a longer one.
    accelerator : accelerate.Accelerator or None, default=None
        For several GPUs: each process of ``accelerate launch`` trains on its share of every epoch.
        Then `batch_size` is that of one process, and `device` the accelerator's.
    random_state : int, RandomState or None, default=None
        Of weights, order, crops, flips, dropout and the choice of validation videos. The same int
        gives the same weights on a CPU, to the last bit.
    verbose : int, default=0
        Above 0, on stderr, what there is to learn and what a guess would be worth, then a progress
        bar: loss, accuracy, clips per second, time left.
    timeout : float or None, default=1800.0
        Seconds that reading one video may take.
    max_pixels : int, default=67108864
        Videos with larger frames are refused.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted.
    network_ : Module
        The trained network, on the CPU.
    preprocessing_ : Preprocessing
    clip_len_ : int
    recipe_ : TrainingRecipe
        With the numbers that were used.
    history_ : list of dict
        For each epoch: epoch (from 1), train_loss, train_accuracy (of clips, while the network
        changes), lr, n_clips, seconds, clips_per_second; with `validation` also valid_loss,
        valid_accuracy (of clips) and valid_video_accuracy.
    validation_indices_ : ndarray of shape (n_validated,)
        Positions of the videos that `validation` left out of the training and that could be read;
        empty without it.
    n_epochs_ : int
    best_epoch_ : int or None
        The one with the best valid_accuracy. The network is that of the last epoch.
    seed_ : int
    failures_ : list of (int, object, str)
        Position, video and reason of those that failed in the last call, under ``on_error="nan"``.
    losses_ : list of (int, object, str)
        Position, video and what was lost of those that could be read only in part.
    net_ : skorch.NeuralNet
        That trained it; not part of a pickle.

    See Also
    --------
    skvideo3d.C3DTransformer : Descriptors, from trained networks too.

    References
    ----------
    .. [1] Tran, Bourdev, Fergus, Torresani, Paluri: Learning Spatiotemporal Features with 3D
       Convolutional Networks, ICCV 2015.
    .. [2] Carreira, Zisserman: Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset,
       CVPR 2017.

    Examples
    --------
    A small network on two kinds of noise:

    >>> import numpy as np
    >>> from skvideo3d.training import VideoClassifier
    >>> rng = np.random.default_rng(0)
    >>> videos = [rng.integers(0, 60 + 120 * (i % 2), (16, 16, 16, 3)).astype(np.uint8)
    ...           for i in range(8)]
    >>> classifier = VideoClassifier(
    ...     input_size=32, network_params={"width": 1 / 16}, max_epochs=8, batch_size=4, lr=0.01,
    ...     random_state=0)
    >>> classifier.fit(videos, ["dark", "bright"] * 4).score(videos, ["dark", "bright"] * 4)
    1.0
    """

    _doc_link_module = "skvideo3d"
    _doc_link_template = (
        "https://skvideo3d.readthedocs.io/en/stable/api.html#{estimator_module}.{estimator_name}"
    )

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "network": [str, HasMethods(["forward", "parameters"])],
        "weights": [str, os.PathLike, None],
        "recipe": [str, TrainingRecipe],
        "freeze": [str, None],
        "input_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "clip_len": [Interval(Integral, 1, None, closed="left"), None],
        "preprocessing": [Preprocessing, None],
        "network_params": [Mapping, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "lr": [Interval(Real, 0, None, closed="left"), None],
        "weight_decay": [Interval(Real, 0, None, closed="left"), None],
        "class_weight": [StrOptions({"balanced"}), Mapping, None],
        "validation": [Interval(Real, 0, 1, closed="neither"), HasMethods(["split"]), None],
        "n_test_clips": [Interval(Integral, 1, None, closed="left")],
        "fps": [Interval(Real, 0, None, closed="neither"), None],
        "on_error": [StrOptions({"raise", "nan"})],
        "precision": [StrOptions({"float32", "bfloat16"})],
        "device": [str, None],
        "n_jobs": [Integral, None],
        "memory": [str, os.PathLike, HasMethods(["cache"]), None],
        "max_bytes": [Interval(Integral, 0, None, closed="left"), None],
        "checkpoint": [str, os.PathLike, None],
        "checkpoint_minutes": [Interval(Real, 0, None, closed="left")],
        "accelerator": [HasMethods(["prepare"]), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "timeout": [Interval(Real, 0, None, closed="right"), None],
        "max_pixels": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        network: str | torch.nn.Module = "c3d",
        *,
        weights: str | os.PathLike[str] | None = None,
        recipe: str | TrainingRecipe = "ucf101-study",
        freeze: str | None = None,
        input_size: int | tuple[int, int] | None = None,
        clip_len: int | None = None,
        preprocessing: Preprocessing | None = None,
        network_params: Mapping[str, Any] | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        weight_decay: float | None = None,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        validation: Any = None,
        n_test_clips: int = 10,
        fps: float | None = None,
        on_error: Literal["raise", "nan"] = "raise",
        precision: Literal["float32", "bfloat16"] = "float32",
        device: str | None = None,
        n_jobs: int | None = None,
        memory: Any = None,
        max_bytes: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float = 15.0,
        accelerator: Any = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        timeout: float | None = 1800.0,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.network = network
        self.weights = weights
        self.recipe = recipe
        self.freeze = freeze
        self.input_size = input_size
        self.clip_len = clip_len
        self.preprocessing = preprocessing
        self.network_params = network_params
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.validation = validation
        self.n_test_clips = n_test_clips
        self.fps = fps
        self.on_error = on_error
        self.precision = precision
        self.device = device
        self.n_jobs = n_jobs
        self.memory = memory
        self.max_bytes = max_bytes
        self.checkpoint = checkpoint
        self.checkpoint_minutes = checkpoint_minutes
        self.accelerator = accelerator
        self.random_state = random_state
        self.verbose = verbose
        self.timeout = timeout
        self.max_pixels = max_pixels

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Sequence[Any], y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : sequence of videos
            As in the transformers: paths of files or of folders of frames, uint8 arrays of shape
            (T, H, W, 3), or `VideoSegment`.
        y : array-like of shape (n_videos,)
            Labels, texts or integers.
        groups : array-like of shape (n_videos,), default=None
            Videos of a group, such as those of a person, stay on one side of `validation`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X or y is not usable, there is one class only, or the validation split
            leaves a class without videos to train on.
        VideoDecodeError
            If a video cannot be read and `on_error` is "raise", or none of a class can.
        TrainingDivergedError
            If the loss or a weight becomes NaN or infinite; the last checkpoint stays.
        CheckpointError
            If weights or checkpoint are not what they should be.
        """
        check_skorch("VideoClassifier")
        from .estimation import estimate

        videos = check_videos(X)
        labels = check_labels(y, len(videos))
        classes = np.unique(labels)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs videos of at least 2 classes; all {len(videos)} "
                f"have the one class {classes[0].item()!r}."
            )
        given = LabelledVideos(videos, labels, classes, check_groups(groups, len(videos)))
        found = estimate(self, given, self._draw_seed())
        self.classes_ = classes
        self.network_ = found.network
        self.score_layer_ = found.start.score_layer
        self.preprocessing_ = found.start.preprocessing
        self.clip_len_ = found.start.clip_len
        self.recipe_ = found.recipe
        self.seed_ = found.seed
        self.history_ = found.history
        self.validation_indices_ = found.validated
        self.n_epochs_ = len(found.history)
        self.best_epoch_ = _best_epoch(found.history)
        self.net_ = found.net
        self.failures_, self.losses_ = tell_unreadable(
            videos, found.failures, found.losses, "trained on;", stacklevel=3
        )
        return self

    def predict_proba(self, X: Sequence[Any]) -> NDArray[np.float32]:
        """Give the probability of each class: the mean over evenly spaced clips of a video.

        Parameters
        ----------
        X : sequence of videos

        Returns
        -------
        ndarray of shape (n_videos, n_classes), float32
            Columns in the order of `classes_`; NaN for videos that failed under ``on_error="nan"``.
        """
        check_is_fitted(self)
        self._validate_params()
        check_skorch("VideoClassifier")
        from .predicting import probabilities

        videos = check_videos(X)
        found = probabilities(self, videos)
        self.failures_, self.losses_ = tell_unreadable(
            videos, found.failures, found.losses, "classified;", stacklevel=3
        )
        return found.values

    def predict(self, X: Sequence[Any]) -> NDArray[Any]:
        """Give the most probable class of each video.

        Parameters
        ----------
        X : sequence of videos

        Returns
        -------
        ndarray of shape (n_videos,)

        Raises
        ------
        VideoDecodeError
            If a video cannot be read, whatever `on_error` says: there is no label for it. Use
            `predict_proba` to go on without it.
        """
        best = self._all_probabilities(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def top_k_score(self, X: Sequence[Any], y: ArrayLike, k: int = 5) -> float:
        """Give the share of videos whose class is among the k most probable.

        Parameters
        ----------
        X : sequence of videos
        y : array-like of shape (n_videos,)
            A label that the network does not know is never among them.
        k : int, default=5
            At least 1.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If k is no such number, or y is not usable.
        VideoDecodeError
            If a video cannot be read, as in `predict`.
        """
        if not isinstance(k, Integral) or k < 1:
            raise ValueError(f"k={k!r}: give a whole number of classes, at least 1.")
        labels = check_labels(y, len(check_videos(X)))
        values = self._all_probabilities(X)
        best = np.argsort(-values, axis=1, kind="stable")[:, :k]
        return float(np.mean((self.classes_[best] == labels[:, None]).any(axis=1)))

    def save_weights(
        self, path: str | os.PathLike[str], *, dtype: torch.dtype | None = None
    ) -> None:
        """Write the trained network as safetensors, with its architecture and preprocessing.

        Parameters
        ----------
        path : path-like
            Ends in ``.safetensors``; `C3DTransformer` or `I3DTransformer` takes it as ``weights=``.
        dtype : torch.dtype, optional
            Such as ``torch.float16`` to halve the file.

        Raises
        ------
        TypeError
            If the network is none of `skvideo3d.models`.
        """
        check_is_fitted(self)
        from skvideo3d.models import save_weights

        network: Any = self.network_
        save_weights(network, path, preprocessing=self.preprocessing_, dtype=dtype)

    def as_transformer(
        self, layer: str = "fc6", path: str | os.PathLike[str] | None = None, **params: Any
    ) -> C3DTransformer | I3DTransformer:
        """Make a transformer that describes videos by the trained network.

        Parameters
        ----------
        layer : str or sequence of str, default="fc6"
            Of I3D e.g. "avg_pool".
        path : path-like, optional
            Where the weights are written, as by `save_weights`. By default into the folder of
            weights (``SKVIDEO3D_HOME``), under a name made of their content.
        **params
            Of the transformer; those that both have are the classifier's unless given.

        Returns
        -------
        C3DTransformer or I3DTransformer
            Not fitted; it needs the file as long as it is used.

        Raises
        ------
        TypeError
            If the network is no C3D, I3D or StudyNetwork.
        """
        check_is_fitted(self)
        from .describing import transformer_of

        return transformer_of(self, layer, path, params)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("net_", None)
        if "network_" in state:
            from .packing import packed

            state["network_"] = packed(self.network_)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "network_" in state:
            from .packing import unpacked

            state = {**state, "network_": unpacked(state["network_"])}
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def _all_probabilities(self, X: Sequence[Any]) -> NDArray[np.float32]:
        values = self.predict_proba(X)
        n_failed = int(np.isnan(values).any(axis=1).sum())
        if n_failed:
            names = ", ".join(str(video) for _, video, _ in self.failures_[:5])
            raise VideoDecodeError(
                f"{n_failed} of {len(values)} videos cannot be read, and there is no label to "
                f"give them: {names}{' ...' if n_failed > 5 else ''}. Leave them out, or use "
                "predict_proba, whose rows of NaN tell which they are."
            )
        return values

    def _draw_seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))


def _best_epoch(history: Sequence[Mapping[str, float]]) -> int | None:
    accuracies = [row["valid_accuracy"] for row in history if "valid_accuracy" in row]
    return int(np.argmax(accuracies)) + 1 if accuracies else None
