import types, typing, dataclasses, enum, abc, inspect, keyword, token
@dataclasses.dataclass(order=True)
class P:
    x: int
    y: list = dataclasses.field(default_factory=list)
class C(enum.IntFlag):
    A = 1
    B = 2
class Abstract(abc.ABC):
    @abc.abstractmethod
    def m(self): ...
print(P(1), P(1) < P(2), C.A | C.B, list(C), typing.get_type_hints(P), inspect.signature(P), types.SimpleNamespace(a=1), keyword.iskeyword('if'))
try:
    Abstract()
except TypeError as e:
    print(e)
print(inspect.getsource(P))
