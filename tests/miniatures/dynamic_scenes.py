"""YUPENN and Maryland in small: a folder for each class, spelt as people spell them."""

from pathlib import Path

from .clips import write_clip

FOLDERS = {
    "yupenn": [
        *("Beach", "Elevator", "Forest Fire", "Fountain", "Highway", "LightningStorm", "Ocean"),
        *("Railway", "Rushing_River", "Sky-Clouds", "Snowing", "Street", "Waterfall"),
        "WindmillFarm",
    ],
    "maryland": [
        *("Avalanche", "Boiling_Water", "ChaoticTraffic", "Forest_Fire", "Fountain"),
        *("Iceberg_Collapse", "LandSlide", "Smooth_Traffic", "Tornado", "Volcanic_Eruption"),
        *("Waterfall", "Waves", "Whirlpool"),
    ],
}


def write_scenes(root, name="yupenn", n_videos=3):
    """Write `n_videos` files into each class folder of the set, classes in alphabetical order."""
    suffix = {"yupenn": ".mov", "maryland": ".avi"}[name]
    for label, folder in enumerate(FOLDERS[name]):
        for number in range(n_videos):
            stem = f"{folder.replace(' ', '_').lower()}_{number + 1}"
            write_clip(Path(root) / folder / f"{stem}{suffix}", label, number)
