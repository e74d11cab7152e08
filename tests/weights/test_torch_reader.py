import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from resemul.errors import WeightsError
from resemul.weights.torch_reader import is_torch, read_state_dict

DATA = Path(__file__).parent / "data"
REAL_FILE = Path(__file__).parents[3] / "shared/data/weights/fcn-mtat.pth"
GRID = np.arange(24, dtype="float32").reshape(4, 6)
# As `data/make_torch_files.py` wrote them.
EXPECTED = {
    "whole": GRID,
    "column": GRID[:, 2],
    "block": GRID[1:3, 1:4],
    "turned": GRID.T,
    "scalar": np.array(7, "int64"),
    "empty": np.zeros((0, 3), "float32"),
    "double": np.array([0.1, -0.2]),
    "half": np.array([1.5, -2], "float16"),
    "bfloat16": np.array([1.5, -3], "float32"),
    "bytes": np.array([0, 255], "uint8"),
    "flags": np.array([True, False]),
    "parameter": np.array([2.5], "float32"),
}


@pytest.mark.parametrize("name", ["legacy.pth", "zip.pth"])
def test_reader_gives_every_kind_of_tensor(name):
    tensors = read_state_dict(DATA / name)
    assert list(tensors) == list(EXPECTED)
    for key, expected in EXPECTED.items():
        assert tensors[key].dtype == expected.dtype
        np.testing.assert_array_equal(tensors[key], expected)


def test_reader_gives_arrays_that_can_be_written():
    tensors = read_state_dict(DATA / "legacy.pth")
    tensors["whole"][0, 2] = 100
    # PyTorch's share their storage; these do not.
    assert tensors["column"][0] == 2


def test_reader_finds_the_weights_of_lightning_between_foreign_objects():
    tensors = read_state_dict(DATA / "lightning.ckpt")
    np.testing.assert_array_equal(tensors["model.weight"], [0, 1, 2])


@pytest.mark.skipif(not REAL_FILE.exists(), reason="the published file is not here")
def test_reader_agrees_with_torch_on_the_published_file():
    torch = pytest.importorskip("torch")
    expected = torch.load(REAL_FILE, map_location="cpu", weights_only=True)
    tensors = read_state_dict(REAL_FILE)
    assert list(tensors) == list(expected)
    assert len(tensors) == 44
    for name, value in expected.items():
        np.testing.assert_array_equal(tensors[name], value.numpy())


@pytest.mark.parametrize("is_zip", [True, False])
def test_reader_agrees_with_torch_on_a_fresh_file(is_zip, tmp_path):
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 5), torch.nn.BatchNorm1d(3))
    path = tmp_path / "model.pth"
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=is_zip)
    tensors = read_state_dict(path)
    assert list(tensors) == list(model.state_dict())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(tensors[name], value.numpy())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ((DATA / "legacy.pth").read_bytes(), True),
        ((DATA / "zip.pth").read_bytes(), True),
        (b"\x89HDF\r\n\x1a\n", False),
        (b"", False),
        (b"\x80\x02}.", False),
    ],
)
def test_is_torch_looks_at_the_content(content, expected, tmp_path):
    (tmp_path / "file").write_bytes(content)
    assert is_torch(tmp_path / "file") is expected


# Pickles written by hand, so that they can hold what torch would never write.


def value(obj):
    return pickle.dumps(obj, 2)[2:-1]


def name_of(module, name):
    return f"c{module}\n{name}\n".encode()


def call(function, *arguments):
    return function + b"(" + b"".join(arguments) + b"tR"


def storage(num_items, kind="FloatStorage", key="0", what="storage"):
    parts = (value(what), name_of("torch", kind), value(key), value("cpu"))
    return b"(" + b"".join(parts) + value(num_items) + b"tQ"


def tensor(stored, offset=0, shape=(2,), strides=(1,)):
    rebuild = name_of("torch._utils", "_rebuild_tensor_v2")
    return call(rebuild, stored, *map(value, (offset, shape, strides, False, None)))


def dictionary(**items):
    pairs = b"".join(value(key) + item for key, item in items.items())
    return b"}(" + pairs + b"u"


def write_zip(path, root, data=bytes(8), compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("model/data.pkl", b"\x80\x02" + root + b".")
        archive.writestr("model/data/0", data)
        archive.writestr("model/byteorder", "little")
    return path


def write_legacy(path, root, data=bytes(8), num_items=2, little_endian=True):
    heads = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": little_endian})
    content = b"".join(pickle.dumps(head, 2) for head in heads)
    content += b"\x80\x02" + root + b"." + pickle.dumps(["0"], 2)
    path.write_bytes(content + struct.pack("<q", num_items) + data)
    return path


GOOD = dictionary(weight=tensor(storage(2)))


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_reader_reads_what_these_tests_write(write, tmp_path):
    path = write(tmp_path / "model.pth", GOOD, struct.pack("<2f", 1, 2))
    np.testing.assert_array_equal(read_state_dict(path)["weight"], [1, 2])


def test_reader_reads_the_other_byte_order(tmp_path):
    data = struct.pack(">2f", 1, 2)
    path = write_legacy(tmp_path / "model.pth", GOOD, data, little_endian=False)
    np.testing.assert_array_equal(read_state_dict(path)["weight"], [1, 2])


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize(
    "function",
    [("os", "system"), ("posix", "system"), ("subprocess", "call"), ("nt", "system")],
)
def test_reader_runs_no_command(function, write, tmp_path):
    mark = tmp_path / "mark"
    evil = call(name_of(*function), value(f"touch {mark}"))
    root = dictionary(state_dict=GOOD, evil=evil)
    tensors = read_state_dict(write(tmp_path / "model.pth", root))
    assert list(tensors) == ["weight"]
    assert not mark.exists()


@pytest.mark.parametrize(
    "evil",
    [
        # Each would leave a file, by another way to call.
        lambda code: call(name_of("builtins", "eval"), value(code)),
        lambda code: call(name_of("__builtin__", "exec"), value(code)),
        lambda code: (
            call(name_of("builtins", "getattr"), name_of("os", "system"), value("x"))
            + b"(" + value(code) + b"tR"
        ),
        lambda code: b"(" + value(code) + b"ibuiltins\neval\n",
        lambda code: b"(" + name_of("builtins", "eval") + value(code) + b"o",
        lambda code: (
            name_of("subprocess", "Popen") + b"(" + value(code) + b"t\x81}b"
        ),
        lambda code: (
            call(name_of("torch.storage", "_load_from_bytes"), value(pickle.dumps(1)))
        ),
        lambda code: (
            value("builtins") + value("eval") + b"\x93(" + value(code) + b"tR"
        ),
    ],
)  # fmt: skip
def test_reader_calls_nothing(evil, tmp_path):
    mark = tmp_path / "mark"
    root = dictionary(state_dict=GOOD, evil=evil(f"open({str(mark)!r}, 'w')"))
    path = write_zip(tmp_path / "model.pth", root)
    assert list(read_state_dict(path)) == ["weight"]
    assert not mark.exists()


def test_a_plain_unpickler_would_have_run_it(tmp_path):
    # The tests above mean something only if their pickles are dangerous.
    mark = tmp_path / "mark"
    evil = call(name_of("os", "mkdir"), value(str(mark)))
    pickle.loads(b"\x80\x02" + evil + b".")  # noqa: S301
    assert mark.is_dir()


def test_reader_refuses_an_object_among_the_tensors(tmp_path):
    evil = call(name_of("os", "getcwd"))
    root = dictionary(weight=tensor(storage(2)), config=evil)
    path = write_zip(tmp_path / "model.pth", root)
    with pytest.raises(WeightsError, match="also holds config"):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("stored", "layout"),
    [
        (storage(2), (0, (3,), (1,))),
        (storage(2), (1, (2,), (1,))),
        (storage(2), (0, (2,), (2,))),
        # One number, claimed to be many.
        (storage(2), (0, (1000,), (0,))),
        (storage(2), (0, (10**6, 10**6), (0, 0))),
        (storage(2), (-1, (2,), (1,))),
        (storage(2), (0, (2,), (-1,))),
        (storage(2), (0, (-2, -1), (1, 1))),
        (storage(2), (0, (2,), (1, 1))),
        (storage(2), (0, (2.0,), (1,))),
        (storage(2), (0, (10**40,), (1,))),
        # The file has two numbers in this storage.
        (storage(1000), (0, (1000,), (1,))),
        (storage(10**15), (0, (10**15,), (1,))),
        (storage(-1), (0, (2,), (1,))),
        (storage("x"), (0, (2,), (1,))),
        (storage(2, kind="QUInt8Storage"), (0, (2,), (1,))),
        (storage(2, what="module"), (0, (2,), (1,))),
        (value(None), (0, (2,), (1,))),
        (name_of("os", "path"), (0, (2,), (1,))),
    ],
)
@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_reader_refuses_impossible_tensors(stored, layout, write, tmp_path):
    root = dictionary(weight=tensor(stored, *layout))
    path = write(tmp_path / "model.pth", root)
    with pytest.raises(WeightsError, match=r"model\.pth is no checkpoint"):
        read_state_dict(path)


def test_reader_refuses_a_storage_of_another_size_than_announced(tmp_path):
    path = write_legacy(tmp_path / "model.pth", GOOD, bytes(12), num_items=3)
    with pytest.raises(WeightsError, match="another size than announced"):
        read_state_dict(path)


@pytest.mark.parametrize("root", [value([1]), value({}), value({"state_dict": 3})])
def test_reader_refuses_what_holds_no_weights(root, tmp_path):
    with pytest.raises(WeightsError, match=r"model\.pth"):
        read_state_dict(write_zip(tmp_path / "model.pth", root))


def test_reader_refuses_compressed_archives(tmp_path):
    # A gigabyte of zeros would fit into a megabyte.
    path = tmp_path / "model.pth"
    write_zip(path, GOOD, bytes(1 << 20), zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match="compressed"):
        read_state_dict(path)


def test_reader_refuses_archives_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pth", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(WeightsError, match="no checkpoint"):
        read_state_dict(tmp_path / "model.pth")


@pytest.mark.parametrize(
    "opcodes",
    [
        # A place in the memo that Python would allocate all places before.
        b"]r" + struct.pack("<I", 0xFFFFFFF0),
        b"]p4294967280\n",
        # Texts and bytes longer than the file.
        b"\x8d" + struct.pack("<Q", 1 << 40),
        b"\x96" + struct.pack("<Q", 1 << 40),
        b"\x8b" + struct.pack("<i", 1 << 30),
        b"\x80\x02r" + struct.pack("<I", 60_000_000),
        # Lists in lists in lists.
        b"]" * 100_000,
        b"(" * 1000 + b"t" * 1001,
    ],
)
@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_reader_survives_hostile_opcodes(opcodes, write, tmp_path):
    with pytest.raises(WeightsError, match=r"model\.pth"):
        read_state_dict(write(tmp_path / "model.pth", opcodes))


# A tuple of itself and itself, sixty times over: hashed or shown, it is 2^60 values.
DEEP = b")q\0" + b"".join(b"h%c\x86q%c" % (i, i + 1) for i in range(60))


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize(
    ("root", "message"),
    [
        (b"}" + DEEP + b"K\x01s", "also holds Ignored|no checkpoint"),
        (b"(" + DEEP + b"\x91", r"model\.pth"),
        (
            dictionary(
                w=call(
                    name_of("torch._utils", "_rebuild_tensor_v2"),
                    storage(2),
                    value(0),
                    DEEP,
                    value((1,)),
                )
            ),
            "not laid out by numbers",
        ),
        (b"(" + value("storage") + DEEP + value("0") * 3 + b"tQ", "unknown kind"),
    ],
)
def test_reader_does_not_hash_or_show_what_would_take_for_ever(
    root, message, write, tmp_path
):
    with pytest.raises(WeightsError, match=message):
        read_state_dict(write(tmp_path / "model.pth", root))


def test_reader_keeps_no_place_for_memo_entries_that_are_not_there(tmp_path):
    path = tmp_path / "model.pth"
    start = b"\x80\x02\x8a\x0a" + 0x1950A86A20F9469CFC6C.to_bytes(10, "little")
    path.write_bytes(start + b"r" + struct.pack("<I", 60_000_000) + b".")
    tracemalloc.start()
    with pytest.raises(WeightsError):
        read_state_dict(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_reader_refuses_tensors_that_share_their_numbers_too_often(tmp_path):
    shared = {f"w{i}": tensor(storage(1000), 0, (1000,), (1,)) for i in range(50)}
    path = write_zip(tmp_path / "model.pth", dictionary(**shared), bytes(4_000))
    with pytest.raises(WeightsError, match="share their numbers too often"):
        read_state_dict(path)


@pytest.mark.parametrize("name", ["legacy.pth", "zip.pth"])
def test_reader_refuses_every_truncation(name, tmp_path):
    content = (DATA / name).read_bytes()
    path = tmp_path / "model.pth"
    for length in range(0, len(content) - 1, 13):
        path.write_bytes(content[:length])
        with pytest.raises(WeightsError, match=r"model\.pth"):
            read_state_dict(path)


@pytest.mark.parametrize("name", ["legacy.pth", "zip.pth", "lightning.ckpt"])
def test_reader_of_damaged_files_raises_its_own_error_only(name, tmp_path):
    content = (DATA / name).read_bytes()
    path = tmp_path / "model.pth"
    rng = np.random.default_rng(0)
    num_refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for position in rng.integers(len(content), size=3):
            damaged[position] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_state_dict(path)
        except WeightsError:
            num_refused += 1
    assert num_refused > 30


def test_reader_knows_no_classes_by_number(tmp_path):
    # Python would take them from what other code of the process has registered.
    path = write_zip(tmp_path / "model.pth", b"\x82\x01")
    with pytest.raises(WeightsError, match="an unusual EXT1"):
        read_state_dict(path)


def test_messages_show_no_control_characters(tmp_path):
    root = dictionary(**{"weight": tensor(storage(2)), "\x1b[2J": value(1)})
    with pytest.raises(WeightsError) as error:
        read_state_dict(write_zip(tmp_path / "model.pth", root))
    assert "\x1b" not in str(error.value)
