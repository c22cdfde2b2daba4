"""The documentation says what is so: code runs, links lead somewhere, lists are whole."""

import doctest
import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor

import skvideo3d
from skvideo3d import C3DTransformer, I3DTransformer
from skvideo3d.models.layouts import LAYOUTS
from skvideo3d.models.registry import WEIGHTS

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
API = ROOT / "docs" / "api.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

# What these packages export is public for good.
PACKAGES = [
    "skvideo3d",
    "skvideo3d.benchmarks",
    "skvideo3d.datasets",
    "skvideo3d.exceptions",
    "skvideo3d.feature_extraction",
    "skvideo3d.flow",
    "skvideo3d.inspection",
    "skvideo3d.models",
    "skvideo3d.training",
    "skvideo3d.video",
]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT_AT_END = re.compile(r"<!--([^>]*)-->\s*\Z")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced piece of a page, and the HTML comment directly before it."""

    language: str
    text: str
    line: int
    remark: str

    @property
    def runs(self):
        return not self.remark.startswith("needs ")


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks_of(page, language):
    text = page.read_text(encoding="utf-8")
    for fence in _FENCE.finditer(text):
        if fence[1] == language:
            remark = _COMMENT_AT_END.search(text[: fence.start()])
            line = text.count("\n", 0, fence.start(2)) + 1
            yield Block(language, fence[2], line, remark[1].strip() if remark else "")


def prose_of(page):
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


@pytest.fixture
def _one_thread():
    # Networks this small only lose time to waking threads.
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if list(blocks_of(page, "python"))], ids=name_of
)
def test_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Workers that an earlier test left over are still in its folder; a reader starts with none.
    get_reusable_executor().shutdown(wait=True)
    names = {"__name__": "__main__"}
    for block in blocks_of(page, "python"):
        if block.text.startswith(">>> "):
            run_examples(block, page, names)
            continue
        code = compile("\n" * (block.line - 1) + block.text, name_of(page), "exec")
        # The README shows the published weights, and keeps its source free of remarks for tests.
        if block.runs and page != README:
            exec(code, names)


def run_examples(block, page, names):
    examples = doctest.DocTestParser().get_doctest(
        block.text, names, name_of(page), name_of(page), block.line - 1
    )
    runner = doctest.DocTestRunner(
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS, verbose=False
    )
    report: list[str] = []
    runner.run(examples, out=report.append, clear_globs=False)
    assert not runner.failures, "".join(report)
    names.update(examples.globs)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_pages_and_places_that_exist(page):
    broken = []
    for target in _LINK.findall(prose_of(page)):
        if "://" in target:
            continue
        path, _, place = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        if not linked.exists() or (place and place not in places_in(linked)):
            broken.append(target)
    assert not broken


def places_in(page):
    """Explicit anchors, and those that Markdown's readers make of headings."""
    text = prose_of(page)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return {*re.findall(r'<a id="([^"]+)">', text), *slugs}


def test_every_page_is_reached_from_the_index():
    reached, waiting = set(), [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        targets = (target.partition("#")[0] for target in _LINK.findall(prose_of(page)))
        waiting += [(page.parent / t).resolve() for t in targets if t and "://" not in t]
    assert set((ROOT / "docs").rglob("*.md")) <= reached


@pytest.mark.parametrize(
    "page", [page for page in PAGES if list(blocks_of(page, "sh"))], ids=name_of
)
def test_commands_are_understood_by_the_command_line(page, monkeypatch):
    from skvideo3d.cli import benchmark, demo, extract, flow, main, train, train_compact, weights

    for command in (benchmark, demo, extract, flow, train, train_compact, weights):
        # The parser is the claim here; what the commands do is tested in tests/cli.
        monkeypatch.setattr(command, "run", lambda args: 0)
    for block in blocks_of(page, "sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            words = line.split(" #")[0].split("|")[-1].split()
            if words[:1] == ["skvideo3d"]:
                assert main(words[1:]) == 0, line


def test_the_changelog_has_a_section_for_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(skvideo3d.__version__)}\]", text, re.MULTILINE)


def test_tests_that_are_named_exist():
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    for page in PAGES:
        for name in re.findall(r"`(test_\w+)`", prose_of(page)):
            assert f"def {name}(" in code, f"{name} of {name_of(page)}"


# --- lists that must be whole ----------------------------------------------------------------


def test_every_published_file_and_layout_is_on_the_weights_page():
    text = prose_of(ROOT / "docs" / "weights.md")
    for entry in WEIGHTS.values():
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{entry.name}` |")]
        assert f"`{entry.filename}`" in row
        assert entry.licence in row
        assert entry.size is None or f"{entry.size / 1e6:.0f} MB" in row
    for layout in LAYOUTS:
        assert f"| {layout.name} | {layout.architecture.upper()} |" in text


def api_entries():
    """What the API page has: the object's address to its signature."""
    entry = re.compile(r'^<a id="(skvideo3d\.[\w.]+)"></a>\n\n```py\n(.*?)^```\n\n\S', re.M | re.S)
    return dict(entry.findall(API.read_text(encoding="utf-8")))


def resolve(address):
    module, _, name = address.rpartition(".")
    try:
        owner = importlib.import_module(module)
    except ModuleNotFoundError:  # a method, whose class is in the module
        owner = resolve(module)
    return getattr(owner, name)


def shown(address):
    """Names and defaults of a callable as the API page shows them."""
    name, value = address.rpartition(".")[2], resolve(address)
    is_error = isinstance(value, type) and issubclass(value, Exception)
    if not isinstance(value, Callable) or is_error or getattr(value, "_is_protocol", False):
        return name
    signature = inspect.signature(value)
    plain = [
        parameter.replace(annotation=parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    text = str(signature.replace(parameters=plain, return_annotation=signature.empty))
    for field in fields(value) if is_dataclass(value) else ():
        if field.default_factory is not MISSING:
            default = repr(field.default_factory())
            text = text.replace(f"{field.name}=<factory>", f"{field.name}={default}")
    return name + text


def test_signatures_on_the_api_page_are_those_of_the_code():
    def squeezed(text):
        return re.sub(r"\s", "", text)

    wrong = {
        address: shown(address)
        for address, signature in api_entries().items()
        if squeezed(signature) != squeezed(shown(address))
    }
    assert not wrong


def test_every_public_name_is_on_the_api_page():
    documented = [resolve(address) for address in api_entries()]
    missing = [
        f"{package}.{name}"
        for package in PACKAGES
        for name in importlib.import_module(package).__all__
        if name != "__version__"
        and not any(getattr(importlib.import_module(package), name) is it for it in documented)
    ]
    assert not missing


@pytest.mark.parametrize("transformer", [C3DTransformer, I3DTransformer])
def test_the_link_of_the_html_repr_leads_to_the_api_page(transformer):
    page, _, place = transformer()._get_doc_link().rpartition("/")[2].partition("#")
    assert page == "api.html"
    assert place in places_in(API)
