import hashlib
import random

import pytest

from hostile.encoding import BY_NAME, encode_as
from hostile.mutations import MUTATIONS, mutate, mutate_folder, wrong_box_sizes
from hostile.zoo.folders import frames_in

CONTENT = random.Random(0).randbytes(4096) + b"\0\0\0\x10stsz" + bytes(8)
OTHER = random.Random(1).randbytes(3000)


def test_the_same_seed_and_number_damage_in_the_same_way_anywhere():
    # Found once; another machine, Python or day has to find the same.
    digest = hashlib.sha256()
    for number in range(200):
        digest.update(mutate(CONTENT, 7, number, OTHER)[0])
    assert digest.hexdigest()[:16] == "07bb958f1db32abc"


def test_other_seeds_and_other_numbers_damage_in_other_ways():
    mutated = {mutate(CONTENT, seed, n, OTHER)[0] for seed in range(5) for n in range(100)}
    assert len(mutated) > 450  # some do nothing, such as swaps of what overlaps


def test_every_kind_of_damage_has_its_turn():
    kinds = [mutate(CONTENT, 0, number, OTHER)[1].split("+")[0] for number in range(28)]
    assert kinds == [mutation.__name__ for mutation in MUTATIONS] * 2


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_each_kind_of_damage_changes_nearly_every_file(mutation):
    n_changed = 0
    for number in range(50):
        content = bytearray(CONTENT)
        mutation(content, random.Random(number), OTHER)
        n_changed += bytes(content) != CONTENT
        assert len(content) < 3 * len(CONTENT)
    assert n_changed > 30


@pytest.mark.parametrize("content", [b"", b"x", b"two"])
def test_the_smallest_files_can_be_damaged(content):
    for number in range(100):
        mutate(content, 0, number, b"o")


def test_a_folder_is_damaged_in_a_copy(tmp_path):
    source = frames_in(tmp_path / "frames")
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    changed = 0
    for number in range(10):
        kinds = [mutate_folder(source, tmp_path / f"{number}{i}", 3, number) for i in "ab"]
        one, two = (
            {path.name: path.read_bytes() for path in (tmp_path / f"{number}{i}").iterdir()}
            for i in "ab"
        )
        assert one == two
        assert kinds[0] == kinds[1]
        changed += one != before
    assert changed >= 9
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before


def test_a_wrong_size_is_one_field_of_32_bits(tmp_path):
    content = encode_as(BY_NAME["mp4-libx264"], tmp_path / "film.mp4").read_bytes()
    for number in range(50):
        mutated = bytearray(content)
        wrong_box_sizes(mutated, random.Random(number), b"")
        assert len(mutated) == len(content)
        changed = [i for i in range(len(content)) if mutated[i] != content[i]]
        if changed:
            assert changed[-1] - changed[0] < 4
