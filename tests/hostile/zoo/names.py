"""Names that formats, patterns, protocols or encodings trip over."""

import os

from ..encoding import encode, scene
from .specimens import Collection, Specimen

NAMES = Collection()

_NAMES = {
    "spaces": "  two  spaces .mp4",
    "emoji": "\U0001f3ac\U0001f468\u200d\U0001f469\u200d\U0001f467 film.mp4",
    "from_right_to_left": "\u202eפילם שלי\u202c.mp4",
    "decomposed_accents": "e\u0301te\u0301.mp4",
    "newline": "first\nsecond.mp4",
    "carriage_return_and_tab": "a\r\tb.mp4",
    "escape_sequence": "\x1b[31mred.mp4",
    "quotes": """it's "quoted" `so`.mp4""",
    "backslashes": "C:\\videos\\film.mp4",
    "percent_pattern": "frame%03d.mp4",
    "percent_n": "%n%s%d%%.mp4",
    "braces": "{0}{path}{.mp4",
    "glob": "[a]*?.mp4",
    "protocol_http": "http:x.mp4",
    "protocol_file": "file:x.mp4",
    "protocol_pipe": "pipe:0",
    "protocol_concat": "concat:a|b",
    "protocol_data": "data:text,x.mp4",
    "protocol_subfile": "subfile,,start,0,end,0,,:x.mp4",
    "dash": "-",
    "option": "--output.mp4",
    "device": "default",
    "hash": "#1.mp4",
    "question_mark": "film.mp4?x=1",
    "no_utf8": os.fsdecode(b"caf\xe9 \xff\xfe.mp4"),
    "two_hundred_and_fifty_characters": "x" * 246 + ".mp4",
    "sixty_emoji": "\U0001f3ac" * 62 + ".mp4",
    "dots": "...mp4",
}


def _named(name: str):
    return lambda folder: encode(folder / "made.mp4", scene(20)).rename(folder / name)


for _title, _name in _NAMES.items():
    NAMES.append(Specimen(f"name_with_{_title}", _named(_name), "describes"))


@NAMES.add("describes")
def folder_of_an_odd_name(folder):
    place = folder / os.fsdecode(b"\xff%d:|\n")
    place.mkdir()
    return encode(folder / "made.mp4", scene(20)).rename(place / "film.mp4")


@NAMES.add("error", "too long|does not exist")
def name_longer_than_names_can_be(folder):
    return folder / ("x" * 300 + ".mp4")


@NAMES.add("error")
def name_with_a_null(folder):
    return folder / "a\0b.mp4"


@NAMES.add("error")
def path_longer_than_paths_can_be(folder):
    return folder / "/".join(["d" * 200] * 30) / "x.mp4"


@NAMES.add("error")
def name_that_no_file_system_takes(folder):
    return folder / "half\ud83c.mp4"  # a lone surrogate that stands for no byte
