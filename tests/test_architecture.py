"""Who may import whom, read off the import lines of every module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import resemul

PACKAGE = Path(resemul.__file__).parent

# A module may import from rows above its own and from its own folder.
ROWS = (
    {"constants", "errors"},
    {"runtime"},
    {"configs"},
    {"audio", "datasets", "models", "downloads"},
    {"weights", "records", "curation"},
    {"checkpoints"},
    {"export"},
    {"prediction"},
    {"evaluation"},
    {"training", "excitations", "tagging"},
    {"server"},
    {"cli"},
)
# Not modules of the straight line: the package itself and `python -m resemul`.
OUTSIDE = {"__init__", "__main__"}

HOMES = {
    "av": {"audio"},
    "madmom": {"audio"},
    # In `prediction` to ask for the compute capability of GPUs.
    "tensorflow": {"runtime", "records", "training", "export", "prediction"},
    "google_crc32c": {"records"},
    "sklearn": {"evaluation"},
    "tensorboard": {"training"},
    "torch": {"weights"},
    "h5py": {"weights", "curation"},
    "matplotlib": {"excitations", "curation", "tagging", "training"},
    # Nowhere: files are written without it.
    "onnx": set(),
    "onnxruntime": {"export", "prediction"},
    "argparse": {"cli"},
    "mutagen": {"curation", "tagging"},
    "distributed": {"runtime"},
}
# Models must run on every backend of Keras, so they know none of them.
BACKENDS = {"tensorflow", "torch", "jax"}


def owner(path: Path, package: Path) -> str:
    """The top-level module that a file belongs to: "audio", "records", ..."""
    return path.relative_to(package).parts[0].removesuffix(".py")


def modules(package: Path) -> Iterator[tuple[Path, str, ast.Module]]:
    """Every file of a package, its owner, and its syntax tree."""
    for path in sorted(package.rglob("*.py")):
        yield path, owner(path, package), ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that is imported, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def without_type_checking(tree: ast.Module) -> ast.Module:
    """The module without the blocks that only type checkers see."""
    body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    return ast.Module(body, type_ignores=[])


def row_of(name: str) -> int:
    return next(row for row, names in enumerate(ROWS) if name in names)


def may_import(importer: str, imported_name: str) -> bool:
    if importer == imported_name or importer in OUTSIDE:
        return True
    return row_of(imported_name) < row_of(importer)


def find_breaches(package: Path) -> list[str]:
    """Imports against the rows, each as "file:line imports name"."""
    names = {owner(path, package) for path, _, _ in modules(package)}
    return [
        f"{path.relative_to(package)}:{line} imports {name}"
        for path, importer, tree in modules(package)
        for line, name in imported(tree)
        if name.startswith("resemul.")
        and (top := name.split(".")[1]) in names - OUTSIDE
        and not may_import(importer, top)
    ]


def find_strays(package: Path) -> list[str]:
    """Heavy libraries outside their homes, each as "file:line imports name"."""
    return [
        f"{path.relative_to(package)}:{line} imports {name}"
        for path, importer, tree in modules(package)
        for line, name in imported(without_type_checking(tree))
        if (library := name.split(".")[0]) in HOMES and importer not in HOMES[library]
    ]


def find_prints(package: Path) -> list[str]:
    """Calls of print outside `cli`, each as "file:line"."""
    return [
        f"{path.relative_to(package)}:{node.lineno}"
        for path, importer, tree in modules(package)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("print", "sys.stdout.write")
        and importer != "cli"
    ]


def test_every_module_has_a_row():
    names = {owner(path, PACKAGE) for path, _, _ in modules(PACKAGE)} - OUTSIDE
    assert names - set().union(*ROWS) == set()


def test_modules_import_only_from_rows_above():
    assert find_breaches(PACKAGE) == []


def test_heavy_libraries_stay_in_their_homes():
    assert find_strays(PACKAGE) == []


def test_models_and_what_uses_them_know_no_backend():
    found = [
        f"{path}:{line}"
        for path, importer, tree in modules(PACKAGE)
        for line, name in imported(tree)
        if importer in {"models", "checkpoints", "evaluation"}
        and name.split(".")[0] in BACKENDS
    ]
    assert found == []


def test_only_commands_print():
    assert find_prints(PACKAGE) == []


def test_scripts_at_the_root_hold_no_logic():
    scripts = [p for p in PACKAGE.parent.glob("*.py") if p.name != "setup.py"]
    assert {p.name for p in scripts} >= {
        "build_mtt.py",
        "train.py",
        "eval.py",
        "extract_excitations.py",
    }
    for path in scripts:
        docstring, import_, main = ast.parse(path.read_text("utf-8")).body
        assert isinstance(docstring, ast.Expr)
        assert ast.unparse(import_) == "from resemul.cli import run_command"
        assert ast.unparse(main).startswith("if __name__ == '__main__':")


@pytest.fixture
def package(tmp_path):
    """A small package with the names of the real one, to break rules in."""
    files = {
        "constants.py": "",
        "datasets.py": "",
        "configs.py": "from resemul.constants import X",
        "evaluation.py": "import sklearn",
        "audio/__init__.py": "from resemul.audio import decode",
        "audio/decode.py": "def f():\n    import av",
        "records.py": "import tensorflow as tf\nfrom resemul.audio import decode",
        "training.py": "from resemul import evaluation",
        "cli.py": "import argparse\nimport resemul.records\nprint(1)",
    }
    for name, code in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code + "\n")
    return tmp_path


def test_the_rules_accept_a_package_that_keeps_them(package):
    assert find_breaches(package) + find_strays(package) + find_prints(package) == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("audio/decode.py", "from resemul.records import x"),
        ("audio/decode.py", "def f():\n    import resemul.records"),
        ("audio/decode.py", "from resemul import evaluation"),
        ("audio/decode.py", "from resemul.datasets import x"),
        ("constants.py", "import resemul.configs"),
        ("configs.py", "import resemul.evaluation.metrics"),
        ("records.py", "if TYPE_CHECKING:\n    from resemul import training"),
    ],
)
def test_the_rows_find_a_breach(package, name, code):
    (package / name).write_text(code)
    [breach] = find_breaches(package)
    assert breach.startswith(name)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("records.py", "def f():\n    import av.error"),
        ("audio/decode.py", "from tensorflow.io import x"),
        ("evaluation.py", "import argparse"),
        ("cli.py", "import torch as t"),
    ],
)
def test_the_homes_find_a_stray(package, name, code):
    (package / name).write_text(code)
    [stray] = find_strays(package)
    assert stray.startswith(name)


def test_prints_are_found(package):
    (package / "evaluation.py").write_text("def f():\n    print(1)")
    assert find_prints(package) == ["evaluation.py:2"]


def test_no_two_test_modules_have_one_name():
    """pytest knows them by name alone, and then runs neither."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
