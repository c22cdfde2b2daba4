"""Lists and patterns that name other files: those must never be read through them."""

from pathlib import Path

from ..encoding import encode, scene
from .folders import frames_in
from .specimens import Collection, Maker, Specimen

REFERENCES = Collection()

# What follows names a film beside it, which reads well: a descriptor means that it was read.
_LISTS = {
    "hls": (
        "list.m3u8",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.8,\n{ts}\n#EXT-X-ENDLIST\n",
    ),
    "hls_called_mp4": (
        "list.mp4",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.8,\n{ts}\n#EXT-X-ENDLIST\n",
    ),
    "hls_by_file_protocol": (
        "list.m3u8",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.8,\nfile:{absolute_ts}\n"
        "#EXT-X-ENDLIST\n",
    ),
    "hls_of_lists": (
        "list.m3u8",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\ninner.m3u8\n",
    ),
    "hls_on_a_server": (
        "list.m3u8",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.8,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
    ),
    "ffconcat": ("list.ffconcat", "ffconcat version 1.0\nfile {mp4}\n"),
    "ffconcat_called_mp4": ("list.mp4", "ffconcat version 1.0\nfile {mp4}\n"),
    "ffconcat_of_an_absolute_path": (
        "list.mp4",
        "ffconcat version 1.0\nfile '{absolute_mp4}'\n",
    ),
    "concat_without_a_header": ("list.concat", "file {mp4}\n"),
    "dash": (
        "list.mpd",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000">'
        "<BaseURL>{mp4}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    ),
    "sdp": (
        "call.sdp",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
    ),
    "sdp_called_mp4": (
        "call.mp4",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
    ),
    "m3u": ("list.m3u", "{mp4}\n"),
    "rtsp_redirection": ("list.mov", "rtsptext\nrtsp://127.0.0.1:9/x\n"),
    "script_of_avisynth": ("list.avs", 'FFmpegSource2("{mp4}")\n'),
}


def _list(name: str, content: str) -> Maker:
    def make(folder: Path) -> Path:
        mp4 = encode(folder / "film.mp4", scene(20))
        ts = encode(folder / "film.ts", scene(20))
        (folder / "inner.m3u8").write_text(_LISTS["hls"][1].format(ts=ts.name))
        path = folder / name
        path.write_text(content.format(mp4=mp4.name, ts=ts.name, absolute_mp4=mp4, absolute_ts=ts))
        return path

    return make


for _title, (_name, _content) in _LISTS.items():
    REFERENCES.append(Specimen(f"list_{_title}", _list(_name, _content), "error"))


def _pattern(name: str, suffix: str) -> Maker:
    def make(folder: Path) -> Path:
        # FFmpeg reads a numbered series where a name looks like a pattern; the file itself is none.
        frames_in(folder, 20, suffix)
        path = folder / name
        path.write_text("no picture at all")
        return path

    return make


for _title, _name, _suffix in (
    ("of_jpegs", "frame%d.jpg", "jpg"),
    ("of_pngs", "frame%d.png", "png"),
    ("of_wildcards", "frame*.jpg", "jpg"),
):
    REFERENCES.append(Specimen(f"pattern_{_title}", _pattern(_name, _suffix), "error"))


@REFERENCES.add("error")
def mov_whose_frames_are_in_another_file(folder):
    # A data reference of QuickTime: the sample table belongs to the film beside it.
    encode(folder / "film.mp4", scene(20))
    path = encode(folder / "reference.mov", scene(20))
    content = bytearray(path.read_bytes())
    # 'url ' with flag 1 means "in this file"; without the flag the name that follows counts.
    place = content.index(b"dref") + 12
    size = int.from_bytes(content[place : place + 4], "big")
    assert size == 12, size
    content[place + 8 : place + 12] = bytes(4)
    # The frames themselves are wiped out.
    start = content.index(b"mdat") + 4
    length = int.from_bytes(content[start - 8 : start - 4], "big") - 8
    content[start : start + length] = bytes(length)
    path.write_bytes(content)
    return path
