"""Every kind of file that was seen to break readers, and what has to come of each."""

from .clocks import CLOCKS
from .contents import CONTENTS
from .damage import DAMAGE
from .folders import FOLDERS
from .headers import HEADERS
from .names import NAMES
from .pictures import PICTURES
from .references import REFERENCES
from .specimens import Specimen

__all__ = ["ZOO", "Specimen"]

ZOO: list[Specimen] = [
    *CONTENTS,
    *DAMAGE,
    *HEADERS,
    *CLOCKS,
    *PICTURES,
    *FOLDERS,
    *NAMES,
    *REFERENCES,
]
