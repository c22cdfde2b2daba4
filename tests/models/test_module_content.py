"""What modules are known by: two that compute different things are different, copies are not."""

import copy
import enum
import functools
import operator
import pickle
import re
import threading
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, MethodType, SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from joblib.externals.loky.backend.reduction import dumps
from miniatures.frame_networks import SmallNetwork
from torch import fx, nn
from torch.nn.utils import parametrizations

from skvideo3d.models.module_content import content_of, structure_of


@dataclass
class Config:
    power: float


Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Slotted:
    __slots__ = ("scale",)

    def __init__(self, scale):
        self.scale = scale


class Mapped(dict):
    pass


class Own(nn.Module):
    """Anything in an attribute."""

    def __init__(self, value):
        super().__init__()
        self._value = value

    def forward(self, x):
        return x


def power(exponent):
    return lambda x: x**exponent


def default(exponent):
    def raised(x, exponent=exponent, *, by=exponent):
        return x**exponent**by

    return raised


def made(source, name="forward", **given):
    """What a cell of a notebook leaves behind."""
    namespace = {"__name__": "__main__", "nn": nn, "torch": torch, **given}
    exec(source, namespace)
    return namespace[name]


def network_of(body, before="", **given):
    source = f"{before}\nclass Net(nn.Module):\n    def forward(self, x):\n        return {body}\n"
    return made(source, "Net", **given)()


def with_hook(hook, **options):
    module = nn.Conv2d(3, 4, 1, bias=False)
    nn.init.ones_(module.weight)
    module.register_forward_hook(hook, **options)
    return module


def graph_of(module):
    return fx.GraphModule(module, fx.Tracer().trace(module), "Same")


def tied(*names):
    module = nn.ModuleDict({name: nn.Linear(2, 2, bias=False) for name in "abc"})
    for part in module.values():
        nn.init.ones_(part.weight)
    for name in names[1:]:
        module[name].weight = module[names[0]].weight
    return module


def both(one, other):
    """Two modules that have these in an attribute."""
    return Own(one), Own(other)


def hidden(module, *, training=True):
    return Own([module.train(training)])


def of_formula(formula):
    return graph_of(network_of(formula))


class Ring:
    def __init__(self, scale):
        self.scale, self.self = scale, self


DIFFERENT = {
    "private number": both(1.0, 2.0),
    "bool and number": both(True, 1),
    "text": both("a", "b"),
    "text and bytes": both("a", b"a"),
    "none": both(None, 0),
    "tensor": both(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])),
    "tensor's type": both(torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
    "tensor's shape": both(torch.zeros(2, 1), torch.zeros(1, 2)),
    "bfloat16": both(torch.ones(2).bfloat16(), torch.zeros(2).bfloat16()),
    "conjugate": both(torch.tensor([1j]), torch.tensor([1j]).conj()),
    "array": both(np.arange(3.0), np.arange(3.0) * 2),
    "array of objects": both(np.array([1, "a"], object), np.array([1, "b"], object)),
    "numpy number": both(np.float32(1), np.float32(2)),
    "mapping": both({"k": [1.0]}, {"k": [2.0]}),
    "ordered mapping": both(OrderedDict(k=1), OrderedDict(k=2)),
    "own mapping": both(Mapped(k=1), Mapped(k=2)),
    "keys": both({1: 0}, {2: 0}),
    "nesting": both([[1], 2], [[1, 2]]),
    "set": both({"a", "b"}, {"a", "c"}),
    "frozen set": both(frozenset({1}), frozenset({2})),
    "dataclass": both(Config(1.0), Config(2.0)),
    "named tuple": both(Point(1, 2), Point(1, 3)),
    "namespace": both(SimpleNamespace(a=1), SimpleNamespace(a=2)),
    "slots": both(Slotted(1), Slotted(2)),
    "enum": both(Colour.RED, Colour.BLUE),
    "ring": both(Ring(1), Ring(2)),
    "type": both(torch.float32, torch.float64),
    "device": both(torch.device("cpu"), torch.device("cuda:0")),
    "class": both(nn.BatchNorm2d, nn.GroupNorm),
    "path": both(Path("a"), Path("b")),
    "pattern": both(re.compile("a"), re.compile("b")),
    "slice": both(slice(1, 2), slice(1, 3)),
    "range": both(range(3), range(4)),
    "lambda": both(lambda x: x, lambda x: x * 0.01),
    "constant of a lambda": both(lambda x: x * 2, lambda x: x * 3),
    "closure": both(power(2), power(3)),
    "default": both(default(2), default(3)),
    "partial": both(functools.partial(torch.clamp, max=1), functools.partial(torch.clamp, max=2)),
    "partial's function": both(functools.partial(torch.add, 1), functools.partial(torch.mul, 1)),
    "function of torch": both(torch.relu, torch.tanh),
    "functional": both(F.relu, F.gelu),
    "pools that share a function": both(F.max_pool2d, F.max_pool3d),
    "method of tensors": both(torch.Tensor.abs, torch.Tensor.neg),
    "numpy's function": both(np.tanh, np.abs),
    "python's function": both(operator.add, operator.mul),
    "item": both(operator.itemgetter(0), operator.itemgetter(1)),
    "bound method": both(torch.tensor(1.0).add, torch.tensor(2.0).add),
    "module in a list": (hidden(nn.Linear(2, 2)), hidden(nn.Linear(2, 2))),
    "module in a list, trained on": (hidden(nn.Dropout()), hidden(nn.Dropout(), training=False)),
    "forward": (network_of("x + 1"), network_of("x + 2")),
    "operation": (network_of("x + 1"), network_of("x - 1")),
    "method": (network_of("x.sin()"), network_of("x.cos()")),
    "function": (
        network_of("f(x)", "def f(x): return x + 1"),
        network_of("f(x)", "def f(x): return x + 2"),
    ),
    "function of a function": (
        network_of("f(x)", "def g(x): return x + 1\ndef f(x): return g(x)"),
        network_of("f(x)", "def g(x): return x + 2\ndef f(x): return g(x)"),
    ),
    "function inside": (
        network_of("(lambda y: f(y))(x)", "def f(x): return x + 1"),
        network_of("(lambda y: f(y))(x)", "def f(x): return x + 2"),
    ),
    "global": (network_of("x - mean", mean=1.0), network_of("x - mean", mean=2.0)),
    "global tensor": (
        network_of("x - mean", mean=torch.ones(3)),
        network_of("x - mean", mean=torch.zeros(3)),
    ),
    "attribute of the class": (
        made("class Net(nn.Module):\n    scale = 1.0", "Net")(),
        made("class Net(nn.Module):\n    scale = 2.0", "Net")(),
    ),
    "property": (
        made("class Net(nn.Module):\n    scale = property(lambda self: 1.0)", "Net")(),
        made("class Net(nn.Module):\n    scale = property(lambda self: 2.0)", "Net")(),
    ),
    "static method": (
        made("class Net(nn.Module):\n    f = staticmethod(lambda x: x + 1)", "Net")(),
        made("class Net(nn.Module):\n    f = staticmethod(lambda x: x + 2)", "Net")(),
    ),
    "decorated": (
        made("class Net(nn.Module):\n    @torch.no_grad()\n    def f(s, x): return x + 1", "Net")(),
        made("class Net(nn.Module):\n    @torch.no_grad()\n    def f(s, x): return x + 2", "Net")(),
    ),
    "base class": (
        made("class B(nn.Module):\n    s = 1\nclass Net(B): pass", "Net")(),
        made("class B(nn.Module):\n    s = 2\nclass Net(B): pass", "Net")(),
    ),
    "hook": (with_hook(lambda *_: None), with_hook(lambda m, i, o: o * 0)),
    "order of hooks": (
        with_hook(lambda m, i, o, **_: o * 0),
        with_hook(lambda m, i, o, **_: o * 0, with_kwargs=True),
    ),
    "graph": (of_formula("x.relu()"), of_formula("x.sigmoid()")),
    "constant of a graph": (of_formula("x + 1"), of_formula("x + 2")),
    "function of a graph": (of_formula("torch.relu(x)"), of_formula("torch.tanh(x)")),
    "parameter's shape": (nn.Linear(2, 3, bias=False), nn.Linear(3, 2, bias=False)),
    "parameter's name": (nn.ModuleDict({"a": nn.ReLU()}), nn.ModuleDict({"b": nn.ReLU()})),
    "ties": (tied("a", "b"), tied("b", "c")),
    "no ties": (tied("a", "b"), tied()),
    "buffer": (nn.BatchNorm2d(3), nn.BatchNorm2d(3)),
    "options of a convolution": (nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3, padding_mode="circular")),
    "heads": (nn.MultiheadAttention(4, 1), nn.MultiheadAttention(4, 2)),
    "activation": (
        nn.TransformerEncoderLayer(4, 1, activation=lambda x: x),
        nn.TransformerEncoderLayer(4, 1, activation=lambda x: 2 * x),
    ),
}
DIFFERENT["buffer"][1].running_mean += 1
ALL = [pytest.param(*modules, id=name) for name, modules in DIFFERENT.items()]


@pytest.mark.parametrize(("one", "other"), ALL)
def test_modules_that_differ_are_different(one, other):
    assert structure_of(one) != structure_of(other)
    assert structure_of(one).unknown == ()


@pytest.mark.parametrize(("one", "_"), ALL)
def test_copies_are_alike_in_this_process_and_in_others(one, _):
    # joblib's workers get modules as cloudpickle takes them, classes of __main__ by value.
    for copied in (copy.deepcopy(one), pickle.loads(dumps(one))):
        assert structure_of(copied) == structure_of(one)
        assert content_of(copied) == content_of(one)


def test_the_same_cell_run_again_gives_the_same():
    for _ in range(2):
        assert structure_of(network_of("f(x)", "def f(x): return x + {1, 2, 3}.pop()")) == (
            structure_of(network_of("f(x)", "def f(x): return x + {1, 2, 3}.pop()"))
        )


def test_numbers_of_parameters_are_content_and_no_structure():
    one, other = SmallNetwork(seed=0), SmallNetwork(seed=0)
    with torch.no_grad():
        other.head.bias += 1
    assert structure_of(one) == structure_of(other)
    assert content_of(one) != content_of(other)
    with torch.no_grad():
        other.head.bias -= 1
        other.head.bias.copy_(one.head.bias)
    assert content_of(one) == content_of(other)


def test_statistics_are_content():
    one, other = SmallNetwork(), SmallNetwork()
    other.bn.running_var += 1
    assert content_of(one) != content_of(other)


def test_what_functions_hold_is_the_structure_of_what_is_kept_alone():
    # A hook that collects what it sees, as many a tutorial has it.
    collected = []
    module = with_hook(lambda module, inputs, output: collected.append(output))
    own, all_of_it, content = (
        structure_of(module, reached=False),
        structure_of(module),
        content_of(module),
    )
    module(torch.ones(1, 3, 2, 2))
    assert structure_of(module, reached=False) == own
    assert content_of(module) == content
    assert structure_of(module) != all_of_it


def test_training_gradients_and_the_texts_of_a_module_do_not_matter():
    class Talking(SmallNetwork):
        def extra_repr(self):
            return str(np.random.default_rng().random())

    expected = structure_of(Talking()), content_of(Talking())
    module = Talking().train()
    module(torch.rand(2, 3, 14, 14)).sum().backward()
    module.load_state_dict(Talking().state_dict())
    module.eval().requires_grad_(False)
    assert (structure_of(module), content_of(module)) == expected


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("make", [torch.jit.script, lambda m: torch.jit.trace(m, torch.ones(3))])
def test_torchscript_is_told_by_its_code_constants_and_attributes(make):
    def module(factor, offset, scale=1.0):
        class Scaled(nn.Module):
            def __init__(self):
                super().__init__()
                self.factor = factor
                self.offset = torch.tensor([offset, 0.0, 1.0])
                self.register_buffer("scale", torch.tensor(scale))

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x * self.factor * self.scale + self.offset

        return make(Scaled().eval())

    expected = structure_of(module(1.0, 2.0))
    assert structure_of(module(1.0, 2.0)) == expected
    others = [module(2.0, 2.0), module(1.0, 3.0), module(1.0, 2.0, 3.0)]
    assert len({expected, *map(structure_of, others)}) == 4
    assert structure_of(nn.Sequential(others[0])) != structure_of(nn.Sequential(others[1]))


def test_parametrised_modules_are_told_by_their_parametrisation():
    def module(make, seed=0):
        torch.manual_seed(seed)
        return make(nn.Conv2d(2, 2, 3))

    plain, weight, spectral = (
        content_of(module(make))
        for make in (lambda m: m, parametrizations.weight_norm, parametrizations.spectral_norm)
    )
    assert len({plain, weight, spectral}) == 3
    assert content_of(module(parametrizations.weight_norm)) == weight


class Session:
    """What neither pickle nor a hash can look into."""

    def __init__(self):
        self.lock = threading.Lock()

    def __deepcopy__(self, memo):
        return self


@pytest.mark.parametrize(
    ("value", "where", "kind"),
    [
        (Session(), "network.part._value.lock", "lock"),
        ({"a": [Session()]}, "network.part._value['a'][0].lock", "lock"),
        (torch.ones(2, 2).to_sparse(), "network.part._value", "Tensor"),
        ((number for number in range(3)), "network.part._value", "generator"),
    ],
)
def test_what_cannot_be_told_is_named(value, where, kind):
    module = nn.Module()
    module.part = Own(value)
    assert structure_of(module).unknown == ((where, kind),)


def test_what_reaches_too_deep_is_not_told():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    ((where, kind),) = structure_of(Own(deep)).unknown
    assert (where, kind) == ("something deep inside network", "Own")
    while deep:  # torn down from outside, as Python's own way is recursive as well
        deep = deep.pop()


def test_functions_that_are_attributes_are_told_with_theirs():
    def function(scale):
        found = FunctionType(power(2).__code__, {}, "f", None, power(2).__closure__)
        found.scale = scale
        return found

    assert structure_of(Own(function(1))) != structure_of(Own(function(2)))


def test_methods_that_an_object_got_for_itself_are_told():
    def module(function):
        module = Own(2.0)
        module.forward = MethodType(function, module)
        return module

    one, other = module(lambda self, x: x), module(lambda self, x: x + self._value)
    assert structure_of(one) != structure_of(other)
    assert structure_of(copy.deepcopy(one)) == structure_of(one)
