"""VideoExtractor under Ray Data, where Ray is installed: one network for each actor."""

import os

import numpy as np
import pytest

from skvideo3d import C3DTransformer
from skvideo3d.feature_extraction import VideoExtractor

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # Ray's own warnings

N_VIDEOS = 12


@pytest.fixture(scope="module", autouse=True)
def _cluster():
    # A core more than the actors take: what reads and writes tables needs one as well.
    ray.init(
        num_cpus=3,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address="127.0.0.1",
    )
    yield
    ray.shutdown()


@pytest.fixture
def paths(tmp_path, write_video):
    rng = np.random.default_rng(0)
    made = []
    for number in range(N_VIDEOS):
        frames = list(rng.integers(0, 256, (18 + number, 32, 48, 3), dtype=np.uint8))
        made.append(write_video(tmp_path / f"v{number:02}.mp4", frames))
    return made


def dataset(paths):
    return ray.data.from_items([{"path": path} for path in paths], override_num_blocks=6)


def test_two_actors_load_a_network_each_and_give_the_rows_of_one_process(small_c3d, paths):
    class Reporting:
        """An extractor that also says which process it is in, and how often that loaded weights."""

        def __init__(self, transformer):
            from skvideo3d.models import checkpoints

            real = checkpoints.load_network

            def counting(weights):
                self.n_loads += 1
                return real(weights)

            self.n_loads = 0
            checkpoints.load_network = counting
            self.extract = VideoExtractor(transformer)

        def __call__(self, batch):
            found = self.extract(batch)
            n_rows = len(found["path"])
            return {
                **found,
                "pid": np.full(n_rows, os.getpid()),
                "n_loads": np.full(n_rows, self.n_loads),
            }

    videos = [*paths, "gone.mp4"]
    described = dataset(videos).map_batches(
        Reporting,
        fn_constructor_args=(C3DTransformer(small_c3d),),
        batch_size=2,
        compute=ray.data.ActorPoolStrategy(size=2),
    )
    rows = {row["path"]: row for row in described.take_all()}
    assert sorted(rows) == sorted(videos)
    found = np.stack([rows[path]["descriptor"] for path in paths])
    np.testing.assert_allclose(found, C3DTransformer(small_c3d).transform(paths), rtol=0, atol=1e-6)
    assert np.isnan(rows["gone.mp4"]["descriptor"]).all()
    assert "does not exist" in rows["gone.mp4"]["error"]
    assert {rows[path]["error"] for path in paths} == {""}
    pids = {row["pid"] for row in rows.values()}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert {rows[path]["n_loads"] for path in paths} == {1}


@pytest.mark.parametrize("batch_format", ["numpy", "pandas", "pyarrow"])
def test_every_format_of_batches_can_be_written_and_read_again(
    small_c3d, tmp_path, paths, batch_format
):
    import pyarrow.parquet

    extract = VideoExtractor(C3DTransformer(small_c3d))
    table = dataset([*paths, "gone.mp4"]).map_batches(extract, batch_format=batch_format)
    table.write_parquet(str(tmp_path / "out"))
    found = ray.data.read_parquet(str(tmp_path / "out")).to_pandas().set_index("path")
    rows = np.stack([np.asarray(found["descriptor"][path]) for path in paths])
    np.testing.assert_allclose(rows, C3DTransformer(small_c3d).transform(paths), rtol=0, atol=1e-6)
    assert "does not exist" in found["error"]["gone.mp4"]
    assert pyarrow.parquet.read_table(tmp_path / "out").num_rows == N_VIDEOS + 1
