"""What a training begins with, and what of it learns."""

import numpy as np
import pytest
import torch
from torch import nn

from skvideo3d import C3DTransformer
from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import C3D, I3D, StudyNetwork
from skvideo3d.models.initialization import initialize
from skvideo3d.models.names import NETWORKS
from skvideo3d.training import TrainingRecipe, VideoClassifier
from skvideo3d.training.networks import NetworkWish, freeze_up_to, scores_of, start_network
from skvideo3d.video import C3D_PREPROCESSING, I3D_PREPROCESSING, Preprocessing

SMALL = {"width": 1 / 16, "input_size": (16, 32, 32)}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Random weights for 487 classes in the layout of DavideA/c3d-pytorch."""
    network = initialize(C3D(487, **SMALL), seed=3)
    names = {"conv1a": "conv1", "conv2a": "conv2"}
    state = {}
    for name, value in network.state_dict().items():
        layer, _, kind = name.partition(".")
        state[f"{names.get(layer, layer)}.{kind}"] = value
    path = tmp_path_factory.mktemp("published") / "c3d.pickle"
    torch.save(state, path)
    return path


RECIPE = Preprocessing((37, 49), (32, 32), "bgr", 1.0, (90.25, 97.66, 101.41))
OF_PUBLISHED = {"network_params": {"input_size": (16, 32, 32)}, "preprocessing": RECIPE}


def wish(n_classes=4, seed=0, **values):
    return NetworkWish(n_classes=n_classes, seed=seed, **values)


def test_fine_tuning_starts_from_exactly_the_features_of_the_checkpoint(published, tmp_path):
    from skvideo3d.models import load_weights, save_weights

    params = {"input_size": (16, 32, 32)}
    start = start_network("c3d", wish(weights=str(published), params=params, preprocessing=RECIPE))
    video = np.random.default_rng(0).integers(0, 256, (16, 40, 50, 3), dtype=np.uint8)
    pixels = np.stack([RECIPE.prepare_frame(frame) for frame in video])[None]
    clips = torch.from_numpy(RECIPE.prepare_clips(pixels))
    with torch.no_grad():
        found = start.network.eval()(clips, ("fc6", "fc7", "fc8"))
    # What the transformer makes of the same checkpoint, by its own engine.
    own = tmp_path / "own.safetensors"
    save_weights(load_weights(published, config=params), own, preprocessing=RECIPE)
    for layer in ("fc6", "fc7"):
        described = C3DTransformer(own, layer=layer, norm=None).fit_transform([video])
        np.testing.assert_allclose(found[layer].numpy(), described, rtol=1e-5, atol=1e-3)
    # A new head for four classes; the rest is the checkpoint's to the last bit.
    assert found["fc8"].shape == (1, 4)
    state = torch.load(published, weights_only=True)
    assert torch.equal(start.network.conv2a.weight, state["conv2.weight"])
    assert torch.equal(start.network.fc7.bias, state["fc7.bias"])


def test_a_head_for_as_many_classes_is_kept(published):
    params = {"input_size": (16, 32, 32)}
    start = start_network(
        "c3d", wish(487, weights=str(published), params=params, preprocessing=RECIPE)
    )
    state = torch.load(published, weights_only=True)
    assert torch.equal(start.network.fc8.weight, state["fc8.weight"])


def test_a_first_step_changes_the_checkpoints_weights_and_no_more(published, coloured):
    fitted = VideoClassifier(
        weights=published,
        **OF_PUBLISHED,
        recipe=TrainingRecipe(max_iterations=1, lr=1e-9, batch_size=4),
        random_state=0,
    ).fit(*coloured)
    state = torch.load(published, weights_only=True)
    torch.testing.assert_close(fitted.network_.fc6.weight, state["fc6.weight"])
    assert fitted.preprocessing_ == RECIPE
    assert fitted.network_.config["num_classes"] == 2


def test_a_mean_cube_is_cropped_with_the_clip(coloured, tmp_path):
    # Of a cube that is the video itself, whatever part of it is cropped leaves nothing.
    from skvideo3d.video.preprocessing import MeanCube

    seen = []

    class Watching(Anything):
        def forward(self, clips):
            seen.append(clips.abs().max().item())
            return super().forward(clips)

        def __deepcopy__(self, memo):
            return Watching()

    video = coloured[0][0][:16]
    np.save(tmp_path / "mean.npy", video.transpose(3, 0, 1, 2).astype(np.float32))
    cube = MeanCube.from_file(tmp_path / "mean.npy")
    fitted = VideoClassifier(
        Watching(),
        preprocessing=Preprocessing((24, 32), (12, 12), mean=cube),
        recipe=TrainingRecipe(max_epochs=3, flip=0.0, batch_size=2, lr=0.0),
        random_state=0,
    ).fit([video, video], [0, 1])
    fitted.predict([video])
    # Of the trial before the training, three epochs, and the prediction.
    assert seen == [0] * 5


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_begins_a_network_for_as_many_classes_as_there_are(name):
    start = start_network(name, wish(3, params={"width": 1 / 32}))
    named = NETWORKS[name]
    length = 16 if named.architecture != "i3d" else start.clip_len
    crop = named.preprocessing.crop
    assert start.preprocessing.crop == crop
    assert start.clip_len == length
    assert start.network.config["num_classes"] == 3
    # Pixels reach the network in units: 128 - 97.66 is far from 0 by half a unit.
    grey = np.full((1, 1, *crop, 3), 128, dtype=np.uint8)
    assert np.abs(start.preprocessing.prepare_clips(grey)).max() < 1


def test_pixels_are_scaled_for_random_weights_alone(published):
    drawn = start_network("c3d", wish())
    assert drawn.preprocessing.scale == 1 / 64
    # Exactly: a 64th is a power of two.
    grey = np.full((1, 1, 112, 112, 3), 100, dtype=np.uint8)
    np.testing.assert_array_equal(
        drawn.preprocessing.prepare_clips(grey) * 64, C3D_PREPROCESSING.prepare_clips(grey)
    )
    params = {"input_size": (16, 32, 32)}
    begun = start_network("c3d", wish(weights=str(published), params=params, input_size=(32, 32)))
    assert begun.preprocessing.scale == 1
    given = start_network("c3d", wish(params=SMALL, preprocessing=RECIPE))
    assert given.preprocessing == RECIPE
    i3d = start_network("i3d", wish(params={"width": 1 / 32}))
    assert i3d.preprocessing == I3D_PREPROCESSING


def test_frames_are_resized_in_proportion_to_the_input_size():
    start = start_network("c3d", wish(params={"width": 1 / 16}, input_size=(56, 28)))
    assert start.preprocessing.crop == (56, 28)
    assert start.preprocessing.resize == (64, 43)  # halves of 128, quarters of 171
    assert start.network.input_size == (16, 56, 28)
    i3d = start_network("i3d", wish(params={"width": 1 / 32}, input_size=(196, 196)))
    assert i3d.preprocessing.resize == 224  # 256 * 7 / 8


def test_a_module_is_copied_and_begins_with_its_own_weights(coloured, quick):
    module = initialize(C3D(7, **SMALL), seed=5)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    start = start_network(module, wish())
    assert start.network is not module
    assert torch.equal(start.network.fc7.weight, module.fc7.weight)
    assert start.network.config["num_classes"] == 4
    VideoClassifier(module, max_epochs=1, batch_size=4, random_state=0).fit(*coloured)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


class Anything(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv3d(3, 4, 3)
        self.norm = nn.BatchNorm3d(4)
        self.last = nn.Linear(4, 2)

    def forward(self, clips):
        return self.last(self.norm(self.first(clips)).mean((2, 3, 4)))


def test_a_module_of_any_kind_learns(coloured):
    fitted = VideoClassifier(
        Anything(),
        preprocessing=Preprocessing((16, 16), (16, 16), scale=1 / 64),
        clip_len=8,
        max_epochs=10,
        batch_size=4,
        lr=0.02,
        random_state=0,
    ).fit(*coloured)
    assert fitted.clip_len_ == 8
    assert fitted.score(*coloured) == 1


@pytest.mark.parametrize(
    ("network", "values", "said"),
    [
        ("c4d", {}, "network='c4d' is unknown"),
        (Anything(), {}, "pass preprocessing="),
        (C3D(4, **SMALL), {"params": {"width": 1}}, "for networks by name"),
        (C3D(4, **SMALL), {"weights": "sports1m"}, "for networks by name"),
        (C3D(4, **SMALL), {"input_size": (16, 16)}, "takes clips of 16 frames of 32x32"),
        ("c3d", {"preprocessing": RECIPE, "input_size": (16, 16)}, "leave input_size out"),
        ("c3d", {"params": {"depth": 3}}, "depth"),
        ("c3d", {"params": {"num_classes": 7}}, "num_classes=7: leave it out.*4 classes"),
    ],
)
def test_what_does_not_go_together_is_refused(network, values, said):
    with pytest.raises(ValueError, match=said):
        start_network(network, wish(**values))


def save(path, network):
    from skvideo3d.models import save_weights

    rows, columns = network.input_size[1:]
    recipe = Preprocessing((rows + 8, columns + 16), (rows, columns))
    save_weights(initialize(network, seed=0), path, preprocessing=recipe)
    return str(path)


def test_weights_of_another_network_are_refused(published, small_c3d):
    params = {"input_size": (16, 32, 32)}
    with pytest.raises(
        CheckpointError, match=r"are of C3D, and network='i3d' is I3D; use network='c3d'\.$"
    ):
        start_network("i3d", wish(weights=small_c3d))
    with pytest.raises(ValueError, match=r"'c3d-bn' is C3D\(batch_norm=True.*network='c3d'\.$"):
        start_network("c3d-bn", wish(weights=str(published), params=params))
    with pytest.raises(ValueError, match=r"network='c3d-bn'.*network='c3d'"):
        start_network("c3d-bn", wish(weights="sports1m"))  # said before anything is fetched


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of small networks, and the arguments that make them what they are."""
    folder = tmp_path_factory.mktemp("files")
    made = {
        "c3d": (C3D, {}),
        "c3d-bn": (C3D, {"batch_norm": True, "pool1_stride": 2}),
        "bn": (C3D, {"batch_norm": True}),
        "1": (StudyNetwork, {"kernel_depths": 1}),
        "3": (StudyNetwork, {"kernel_depths": 3}),
        "7": (StudyNetwork, {"kernel_depths": 7}),
        "3, 64": (StudyNetwork, {"kernel_depths": 3, "input_size": (16, 56, 56)}),
        "1, 3": (StudyNetwork, {"kernel_depths": (1, 1, 3, 3, 3)}),
    }
    return {
        name: save(folder / f"{name}.safetensors", kind(4, **{**SMALL, **arguments}))
        for name, (kind, arguments) in made.items()
    }


@pytest.mark.parametrize(
    ("name", "file", "instead"),
    [
        ("study-depth-7", "1", "network='study-depth-1'"),
        ("net-256", "1", "network='study-depth-1'"),
        ("net-256", "3", "network='study-depth-3'"),
        ("net-64", "3", "network='study-depth-3'"),
        ("net-256", "3, 64", "network='study-depth-3' or 'net-64'"),
        ("c3d", "1", "network='study-depth-1'"),
        ("study-depth-3", "c3d", "network='c3d'"),
        ("c3d", "c3d-bn", "network='c3d-bn'"),
        ("c3d-bn", "c3d", "network='c3d'"),
        ("c3d-bn", "bn", "network='c3d', network_params={'batch_norm': True}"),
        ("c3d", "bn", "network='c3d', network_params={'batch_norm': True}"),
        (
            "study-increasing",
            "1, 3",
            "network='study-depth-1', network_params={'kernel_depths': (1, 1, 3, 3, 3)}",
        ),
    ],
)
def test_weights_that_are_not_of_the_named_network_are_refused_with_the_name_that_fits(
    files, name, file, instead
):
    with pytest.raises(CheckpointError) as refused:
        start_network(name, wish(weights=files[file]))
    said = str(refused.value)
    assert f"network={name!r} is " in said
    assert files[file] in said
    assert said.endswith(f"; use {instead}.")


@pytest.mark.parametrize(
    ("name", "file", "values"),
    [
        ("c3d", "c3d", {}),
        ("c3d-bn", "c3d-bn", {}),
        ("c3d", "bn", {"params": {"batch_norm": True}}),
        ("c3d-bn", "bn", {"params": {"pool1_stride": 1}}),
        ("study-depth-1", "1", {}),
        ("study-depth-3", "3, 64", {}),
        ("study-depth-1", "1, 3", {"params": {"kernel_depths": (1, 1, 3, 3, 3)}}),
        ("net-64", "3, 64", {"preprocessing": Preprocessing((64, 86), (56, 56))}),
        # What random weights may be asked for by the same name: net-256 of smaller clips.
        ("net-256", "3", {"input_size": (32, 32)}),
        ("net-256", "3", {"params": {"input_size": (16, 32, 32)}}),
    ],
)
def test_weights_of_the_named_network_begin_a_training(files, name, file, values):
    start = start_network(name, wish(3, weights=files[file], **values))
    from safetensors.torch import load_file

    assert torch.equal(start.network.fc7.weight, load_file(files[file])["fc7.weight"])
    assert start.network.config["num_classes"] == 3


def gradients(network, layer=None):
    """Of a loss that every score has a part in, in training mode."""
    torch.manual_seed(0)
    clips = torch.randn(4, 3, 16, *network.input_size[1:])
    scores = scores_of(network.train(), clips, network.layer_names[-2])
    nn.functional.cross_entropy(scores, torch.tensor([0, 1, 2, 3])).backward()
    return {name: value.grad for name, value in network.named_parameters()}


@pytest.mark.parametrize("name", ["c3d", "c3d-bn", "study-depth-1", "study-decreasing"])
def test_gradients_reach_every_parameter(name):
    params = {"width": 1 / 8}
    start = start_network(name, wish(params=params, input_size=(64, 64)))
    for parameter, gradient in gradients(start.network).items():
        assert gradient is not None, parameter
        assert torch.isfinite(gradient).all(), parameter
        assert gradient.abs().max() > 0, parameter


def test_gradients_reach_every_parameter_of_i3d():
    start = start_network("i3d", wish(params={"width": 1 / 16}))
    torch.manual_seed(0)
    scores = scores_of(start.network.train(), torch.randn(2, 3, 9, 193, 193), "logits")
    nn.functional.cross_entropy(scores, torch.tensor([0, 1])).backward()
    for name, value in start.network.named_parameters():
        assert value.grad.abs().max() > 0, name


UP_TO_CONV3B = ("conv1a", "conv2a", "conv3a", "conv3b")


@pytest.mark.parametrize("batch_norm", [False, True])
def test_what_is_frozen_gets_no_gradient(batch_norm):
    network = C3D(4, batch_norm=batch_norm, **SMALL)
    freeze_up_to(network, "conv3b", (16, 32, 32))
    for name, gradient in gradients(network).items():
        assert (gradient is None) == name.startswith(UP_TO_CONV3B), name


def test_layers_that_nobody_trained_are_frozen_with_a_warning(coloured, quick, tmp_path):
    once = {**quick, "max_epochs": 1}
    with pytest.warns(UserWarning, match=r"freeze='conv1a' without weights=: .* stay random"):
        first = VideoClassifier(**once, freeze="conv1a").fit(*coloured)
    first.save_weights(tmp_path / "first.safetensors")
    once["network_params"] = None
    VideoClassifier(**once, weights=tmp_path / "first.safetensors", freeze="conv1a").fit(*coloured)


@pytest.mark.filterwarnings("ignore:freeze='conv3b' without weights=")
@pytest.mark.parametrize("network", ["c3d", "c3d-bn"])
def test_what_is_frozen_stays_as_it_is_with_its_statistics(coloured, quick, network):
    start = start_network(network, wish(2, params={"width": 1 / 16}, input_size=(32, 32)))
    fitted = VideoClassifier(
        **{**quick, "lr": 0.1, "weight_decay": 0.5, "max_epochs": 1},
        network=network,
        freeze="conv3b",
    ).fit(*coloured)
    before, after = start.network.state_dict(), fitted.network_.state_dict()
    for name, value in before.items():
        frozen = name.startswith(UP_TO_CONV3B)
        if not frozen and value.ndim == 1 and "running" not in name:
            continue  # a bias may have no reason to move
        assert torch.equal(after[name], value) == frozen, name
    trained = fitted.net_.optimizer_.param_groups
    n_trained = sum(len(group["params"]) for group in trained)
    n_frozen = sum(name.startswith(UP_TO_CONV3B) for name, _ in start.network.named_parameters())
    assert n_trained == len(list(start.network.parameters())) - n_frozen


def test_freezing_an_inception_module_takes_all_of_its_branches():
    network = I3D(3, width=1 / 16)
    freeze_up_to(network, "Mixed_3b", (64, 224, 224))
    frozen = {name for name, value in network.named_parameters() if not value.requires_grad}
    expected = ("Conv3d_1a", "Conv3d_2b", "Conv3d_2c", "Mixed_3b")
    assert frozen == {name for name, _ in network.named_parameters() if name.startswith(expected)}


def test_freezing_a_module_of_any_kind_goes_by_the_order_of_its_children():
    module = Anything()
    frozen = freeze_up_to(module, "norm", (8, 16, 16))
    assert frozen == (module.first, module.norm)
    assert [name for name, value in module.named_parameters() if value.requires_grad] == [
        "last.weight",
        "last.bias",
    ]


def test_freezing_what_is_not_there_or_everything_is_refused():
    with pytest.raises(ValueError, match=r"freeze='conv9': the network has conv1a, pool1"):
        freeze_up_to(C3D(4, **SMALL), "conv9", (16, 32, 32))
    with pytest.raises(ValueError, match="leaves nothing to train"):
        freeze_up_to(C3D(4, **SMALL), "fc8", (16, 32, 32))
