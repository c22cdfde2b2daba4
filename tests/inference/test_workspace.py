"""Memory that is lent: nobody else has it meanwhile, and it comes back."""

import threading

from skvideo3d.inference.workspace import workspace


def test_what_is_lent_is_nobody_elses():
    with workspace("a test", (4, 3)) as one, workspace("a test", (2, 5)) as other:
        assert one.shape == (4, 3)
        assert other.shape == (2, 5)
        one.fill_(1)
        other.fill_(2)
        assert (one == 1).all()


def test_what_came_back_is_lent_again_also_to_another_thread():
    with workspace("another test", (100,)) as first:
        place = first.data_ptr()
    found = []

    def borrow():
        with workspace("another test", (50,)) as second:
            found.append(second.data_ptr())

    thread = threading.Thread(target=borrow)
    thread.start()
    thread.join()
    assert found == [place]


def test_it_comes_back_after_a_failure():
    try:
        with workspace("a third test", (10,)) as first:
            place = first.data_ptr()
            raise RuntimeError
    except RuntimeError:
        pass
    with workspace("a third test", (10,)) as second:
        assert second.data_ptr() == place


def test_it_grows():
    for size in (10, 1000, 10):
        with workspace("a fourth test", (size, 2)) as values:
            values.fill_(1)
            assert float(values.sum()) == 2 * size
