"""What `import skvideo3d.models` offers, and what it costs."""

import subprocess
import sys

import pytest

import skvideo3d.models


def test_importing_the_package_loads_no_torch():
    program = (
        "import sys, skvideo3d.models; "
        "print('torch' in sys.modules); "
        "skvideo3d.models.C3D; "
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "True"]


def test_every_name_it_promises_is_there():
    assert set(skvideo3d.models.__all__) <= set(dir(skvideo3d.models))
    for name in skvideo3d.models.__all__:
        assert getattr(skvideo3d.models, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'C4D'"):
        _ = skvideo3d.models.C4D
