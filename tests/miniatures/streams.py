"""An I3D of a sixteenth of the width for either stream, on 32 x 32 pixels: milliseconds a clip."""

from skvideo3d.models import load_weights, save_weights
from skvideo3d.video import Preprocessing

# Small frames lead to no descriptor further on.
SETTINGS = {"layer": "Mixed_3b", "clip_len": 8, "clip_stride": 8}


def write_streams(folder):
    """Write weights, and give their paths by stream."""
    paths = {}
    for seed, stream in enumerate(("rgb", "flow")):
        network = load_weights(
            None, "i3d", stream=stream, seed=seed, config={"width": 1 / 16, "num_classes": 5}
        )
        paths[stream] = str(folder / f"{stream}.safetensors")
        recipe = Preprocessing(resize=(36, 48), crop=(32, 32), scale=2 / 255, mean=(1.0, 1.0, 1.0))
        save_weights(network, paths[stream], preprocessing=recipe)
    return paths
