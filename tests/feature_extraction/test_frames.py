"""FrameTransformer: equal to a plain loop over frames, and a transformer like the others."""

import gc
import pickle
import sys
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from miniatures.frame_networks import SmallNetwork
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from torch import nn

from skvideo3d import FrameTransformer
from skvideo3d.exceptions import CheckpointError
from skvideo3d.feature_extraction.store import DescriptorStore
from skvideo3d.video import IMAGENET_PREPROCESSING, Preprocessing, VideoSegment
from skvideo3d.video.sources import as_source

SMALL = Preprocessing(
    resize=24,
    crop=(20, 22),
    scale=IMAGENET_PREPROCESSING.scale,
    mean=IMAGENET_PREPROCESSING.mean,
)
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture
def describer():
    return FrameTransformer(SmallNetwork(), preprocessing=SMALL)


@pytest.fixture
def paths(tmp_path, write_video):
    rng = np.random.default_rng(0)
    return [
        write_video(tmp_path / f"v{i}.mp4", list(rng.integers(0, 256, (6 + i, 40, 56, 3), "uint8")))
        for i in range(4)
    ]


def pixels_of(path):
    return [frame.pixels for frame in as_source(path).frames()]


def by_hand(frames, module, shorter=24, crop=(20, 22)):
    """What the paper does: features of every frame, their mean, scaled to length 1."""
    rows = []
    for frame in frames:
        height, width = frame.shape[:2]
        size = (
            (shorter, int(width * shorter / height))
            if height <= width
            else (int(height * shorter / width), shorter)
        )
        resized = cv2.resize(frame, size[::-1])
        top, left = (size[0] - crop[0]) // 2, (size[1] - crop[1]) // 2
        values = resized[top : top + crop[0], left : left + crop[1]] / 255
        values = torch.from_numpy(((values - MEAN) / STD).transpose(2, 0, 1)).float()
        with torch.no_grad():
            rows.append(module.eval()(values[None])[0].numpy())
    mean = np.mean(rows, axis=0, dtype=np.float64)
    return mean / np.linalg.norm(mean)


def test_a_row_is_the_normalised_mean_of_the_modules_frames(describer, noise_videos):
    rows = describer.set_params(layer="output").fit_transform(noise_videos)
    expected = [by_hand(video, SmallNetwork()) for video in noise_videos]
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_files_are_described_by_the_frames_that_are_read(describer, paths):
    rows = describer.set_params(layer="output").transform(paths)
    for row, path in zip(rows, paths, strict=True):
        frames = pixels_of(path)
        np.testing.assert_allclose(row, by_hand(frames, SmallNetwork()), atol=1e-5)


def test_by_default_frames_are_those_of_imagenet_networks(noise_videos):
    module = nn.Sequential(nn.Conv2d(3, 5, 32, stride=32), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    module = nn.Sequential(module, nn.Flatten())
    (row,) = FrameTransformer(module).transform(noise_videos[2:3])
    expected = by_hand(noise_videos[2], module, shorter=256, crop=(224, 224))
    np.testing.assert_allclose(row, expected, atol=1e-5)


def test_every_nth_frame_is_every_nth_frame(describer, noise_videos):
    strided = clone(describer).set_params(frame_stride=3).transform(noise_videos)
    expected = describer.transform([video[::3] for video in noise_videos])
    np.testing.assert_allclose(strided, expected, atol=1e-6)
    clips = clone(describer).set_params(frame_stride=3).transform_clips(noise_videos[:1])[0]
    assert clips.start_frame.tolist() == list(range(0, 20, 3))


def test_a_video_of_one_frame_is_enough(describer, noise_videos):
    (row,) = describer.set_params(layer="output").transform([noise_videos[0][:1]])
    np.testing.assert_allclose(row, by_hand(noise_videos[0][:1], SmallNetwork()), atol=1e-5)


def test_order_of_frames_does_not_matter(describer, noise_videos):
    rows = describer.transform(noise_videos)
    np.testing.assert_allclose(
        describer.transform([v[::-1] for v in noise_videos]), rows, atol=1e-6
    )


def test_max_pooling_takes_the_largest_of_the_frames(describer, noise_videos):
    describer.set_params(pooling="max", norm=None, layer="output")
    frames = describer.transform_clips(noise_videos[:1])[0].features
    np.testing.assert_array_equal(describer.transform(noise_videos[:1])[0], frames.max(axis=0))


def test_several_layers_stand_side_by_side(describer, noise_videos):
    layers = ("bn", "norm", "output")
    rows = clone(describer).set_params(layer=layers).fit(noise_videos)
    assert rows.feature_blocks_ == {
        "bn": slice(0, 6),
        "norm": slice(6, 12),
        "output": slice(12, 16),
    }
    for layer, block in rows.feature_blocks_.items():
        alone = clone(describer).set_params(layer=layer).transform(noise_videos)
        np.testing.assert_allclose(rows.transform(noise_videos)[:, block], alone, atol=1e-6)


def test_rows_do_not_depend_on_company_batches_or_processes(describer, noise_videos):
    together = describer.fit_transform(noise_videos)
    alone = np.concatenate([describer.transform([video]) for video in noise_videos])
    batched = clone(describer).set_params(batch_size=5).transform(noise_videos)
    for other in (alone, batched):
        np.testing.assert_allclose(other, together, atol=1e-6)


@pytest.mark.slow
def test_modules_are_sent_to_other_processes(noise_videos):
    for module in (SmallNetwork(), nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())):
        describer = FrameTransformer(module, preprocessing=SMALL)
        expected = describer.transform(noise_videos)
        parallel = clone(describer).set_params(n_jobs=2).transform(noise_videos)
        np.testing.assert_allclose(parallel, expected, atol=1e-6)


def test_lower_precision_stays_close(describer, noise_videos):
    exact = describer.transform(noise_videos)
    close = clone(describer).set_params(precision="bfloat16").transform(noise_videos)
    assert np.sum(exact * close, axis=1).min() > 0.999


def test_parts_of_videos_are_videos(describer, paths):
    frames = np.stack(pixels_of(paths[0]))
    rows = describer.transform([VideoSegment(paths[0], 2, 5), frames[2:5]])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)


# --- memory ----------------------------------------------------------------------------------


def readings(folder):
    return len(DescriptorStore(folder).readings())


def test_what_is_kept_belongs_to_the_modules_content(paths, tmp_path):
    def transform(module, **parameters):
        parameters = {"preprocessing": SMALL, "memory": tmp_path / "m"} | parameters
        return FrameTransformer(module, **parameters).transform(paths)

    first = transform(SmallNetwork())
    assert readings(tmp_path / "m") == 4
    np.testing.assert_array_equal(transform(SmallNetwork()), first)  # another object
    transform(SmallNetwork(), norm="l1", batch_size=3, verbose=0)
    assert readings(tmp_path / "m") == 4
    for number, (module, parameters) in enumerate(
        [
            (SmallNetwork(seed=1), {}),
            (SmallNetwork(), {"frame_stride": 2}),
            (SmallNetwork(), {"layer": "bn"}),
            (SmallNetwork(), {"weights": None, "random_state": 0}),
        ]
    ):
        transform(module, **parameters)
        assert readings(tmp_path / "m") == 4 * (number + 2)


@pytest.mark.slow
def test_leave_one_out_reads_each_video_once(describer, paths, tmp_path):
    model = make_pipeline(describer.set_params(memory=tmp_path / "m"), LinearSVC())
    cross_val_predict(model, paths, [0, 1, 0, 1], cv=LeaveOneOut())
    assert readings(tmp_path / "m") == 4


# --- modules that look alike -----------------------------------------------------------------


class Formula(nn.Module):
    """A convolution, and a formula in an attribute."""

    def __init__(self, formula):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 5)
        for value in self.parameters():
            nn.init.constant_(value, 0.1)
        self._formula = formula

    def forward(self, x):
        return self._formula(self.conv(x).mean((2, 3))) + torch.arange(4.0)


class Opaque:
    """Cannot be told from others of its class, as what is written in other languages."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return self.factor * x

    def __deepcopy__(self, memo):
        return Opaque(self.factor)

    def __reduce_ex__(self, protocol):
        raise TypeError("cannot pickle")


def redefined(exponent):
    class Net(Formula):
        def forward(self, x):
            return super().forward(x) ** exponent

    return Net(nn.Identity())


def hooked(factor):
    network = Formula(nn.Identity())
    network.register_forward_hook(lambda module, inputs, output: factor * output)
    return network


def graph(formula):
    network = Formula(formula)
    return torch.fx.GraphModule(network, torch.fx.Tracer().trace(network), "Graph")


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Formula(lambda x: x), Formula(lambda x: x * 3)),
        (Formula(torch.tensor(1.0).mul), Formula(torch.tensor(3.0).mul)),
        (Formula(partial(torch.mul, 2.0)), Formula(partial(torch.mul, 3.0))),
        (Formula(Opaque(2.0)), Formula(Opaque(3.0))),
        (redefined(1), redefined(2)),
        (hooked(1), hooked(2)),
        (graph(torch.relu), graph(torch.exp)),
    ],
)
def test_no_module_gets_the_rows_of_another(one, other, is_kept, noise_videos, tmp_path):
    parameters = {"preprocessing": SMALL, "layer": "output", "norm": None}
    if is_kept and isinstance(getattr(one, "_formula", None), Opaque):
        with pytest.raises(ValueError, match=r"network\._formula \(of class Opaque\).*memory"):
            FrameTransformer(one, memory=tmp_path, **parameters).fit(["no-such-file.mp4"])
        return
    expected = [by_formula(network, noise_videos) for network in (one, other)]
    assert not np.allclose(*expected)
    for network, rows in zip((one, other, one), (*expected, expected[0]), strict=True):
        describer = FrameTransformer(network, memory=tmp_path if is_kept else None, **parameters)
        np.testing.assert_allclose(describer.transform(noise_videos), rows, rtol=1e-4)
        np.testing.assert_allclose(describer.fit_transform(noise_videos), rows, rtol=1e-4)


def by_formula(network, videos):
    rows = []
    for video in videos:
        frames = np.stack([SMALL.prepare_frame(frame) for frame in video])
        clips = torch.from_numpy(SMALL.prepare_clips(frames[None]))[0]
        with torch.no_grad():
            rows.append(network(clips.transpose(0, 1)).mean(0).numpy())
    return np.stack(rows)


def test_what_changes_inside_a_module_that_cannot_be_told_is_noticed(noise_videos):
    opaque = Opaque(1.0)
    network = Formula(opaque)
    describer = FrameTransformer(network, preprocessing=SMALL, layer="output", norm=None)
    describer.fit(noise_videos)
    describer.transform(noise_videos)
    opaque.factor = 2.0
    rows = describer.transform(noise_videos)
    np.testing.assert_allclose(rows, by_formula(network, noise_videos), rtol=1e-4)


def test_a_modules_copy_goes_with_it(noise_videos):
    class Noted(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    def n_there():
        gc.collect()
        return sum(type(each) is Noted for each in gc.get_objects())

    network = Noted()
    for _ in range(3):
        FrameTransformer(network, preprocessing=SMALL).fit_transform(noise_videos)
        assert n_there() == 2
    del network
    assert n_there() == 0


@pytest.mark.parametrize("is_kept", [False, True])
def test_random_weights_of_other_shapes_are_others(is_kept, noise_videos, tmp_path):
    class Projection(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(n, 3))

        def forward(self, x):
            return x.mean((2, 3)) @ self.weight.T

    for n in (4, 7):
        describer = FrameTransformer(
            Projection(n),
            weights=None,
            random_state=0,
            preprocessing=SMALL,
            layer="output",
            memory=tmp_path if is_kept else None,
        )
        assert describer.fit_transform(noise_videos).shape == (len(noise_videos), n)


# --- a transformer like the others -----------------------------------------------------------


def test_fit_leaves_the_module_and_the_parameters_alone(describer, noise_videos):
    module = describer.network.train()
    before = pickle.dumps(module)
    describer.fit(noise_videos).transform(noise_videos)
    assert describer.network is module
    assert pickle.dumps(module) == before
    copied = clone(describer)
    assert copied.network is not module
    np.testing.assert_array_equal(copied.transform(noise_videos), describer.transform(noise_videos))


def test_pickles_describe_alike_and_are_small_where_the_module_is(describer, noise_videos):
    fitted = describer.fit(noise_videos)
    expected = fitted.transform(noise_videos)
    pickled = pickle.dumps(fitted)
    np.testing.assert_array_equal(pickle.loads(pickled).transform(noise_videos), expected)
    assert len(pickled) < len(pickle.dumps(describer.network)) + 2000
    assert len(pickle.dumps(FrameTransformer("resnet18"))) < 1000


def test_a_module_that_was_trained_on_since_fit_needs_another(describer, noise_videos):
    describer.fit(noise_videos)
    with torch.no_grad():
        describer.network.conv.weight += 1
    with pytest.raises(CheckpointError, match="FrameTransformer was fitted with weights"):
        describer.transform(noise_videos[:1])
    describer.fit(noise_videos).transform(noise_videos[:1])


def test_random_weights_are_those_of_the_seed(noise_videos):
    def rows(seed):
        describer = FrameTransformer(
            SmallNetwork(), weights=None, random_state=seed, preprocessing=SMALL
        )
        return describer.transform(noise_videos[:2])

    np.testing.assert_array_equal(rows(0), rows(0))
    assert not np.allclose(rows(0), rows(1))
    with pytest.raises(NotFittedError, match="random_state=0"):
        rows(None)


def test_a_state_dict_replaces_the_modules_weights(describer, noise_videos, tmp_path):
    torch.save(SmallNetwork(seed=3).state_dict(), tmp_path / "weights.pth")
    rows = clone(describer).set_params(weights=tmp_path / "weights.pth").transform(noise_videos)
    expected = clone(describer).set_params(network=SmallNetwork(seed=3)).transform(noise_videos)
    np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.bn.running_mean.fill_(3.0),
        lambda network: setattr(network.conv, "padding", (1, 1)),
    ],
)
def test_statistics_and_settings_that_changed_since_fit_need_another(
    describer, noise_videos, change
):
    sha256 = describer.fit(noise_videos).weights_sha256_
    change(describer.network)
    with pytest.raises(CheckpointError, match="FrameTransformer was fitted with weights"):
        describer.transform(noise_videos[:1])
    assert describer.fit(noise_videos).weights_sha256_ != sha256


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layer": "fc6"}, r"layer='fc6' is no descriptor.*conv, bn, act, tokens, norm.*output"),
        ({"layer": ("bn", "bn")}, "several different ones"),
        ({"network": SmallNetwork}, "network=SmallNetwork is a class"),
        ({"network": 3}, "'network' parameter of FrameTransformer"),
        ({"frame_stride": 0}, "'frame_stride' parameter of FrameTransformer"),
        ({"preprocessing": Preprocessing(4, (2, 2))}, "cannot take frames of shape .3, 2, 2.*crop"),
    ],
)
def test_what_cannot_be_is_refused_by_fit(describer, parameters, message):
    with pytest.raises(ValueError, match=message):
        describer.set_params(**parameters).fit(["no-such-file.mp4"])


def test_without_torchvision_fit_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "torchvision.models", raising=False)
    with pytest.raises(ImportError, match=r"skvideo3d\[frames\]"):
        FrameTransformer().fit(["no-such-file.mp4"])


def test_looking_at_one_imports_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    describer = FrameTransformer()
    assert "FrameTransformer" in describer._repr_html_()
    assert repr(describer) == "FrameTransformer()"


@pytest.mark.gpu
def test_cuda_gives_what_the_cpu_gives(noise_videos):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    rows = [
        FrameTransformer(SmallNetwork(), preprocessing=SMALL, device=device).transform(noise_videos)
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(*rows, atol=1e-5)
