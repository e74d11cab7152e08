import numpy as np
import pytest

from resemul.errors import WeightsError
from resemul.export.onnx_file import add_tensors, fields, model, node, notes_of, tensor


def empty(notes=None) -> bytes:
    return model("m", [], [], [], [], 17, notes or {})


def test_fields_are_read_as_they_were_written():
    # Field 1 with the number 8, field 2 with the text "resemul", as in the format's
    # description: key = number * 8 + wire type.
    content = empty()
    assert content[:11] == b"\x08\x08\x12\x07resemul"
    assert next(iter(fields(content))) == (1, 0, b"\x08")


def test_negative_numbers_are_64_bits_long():
    content = node("Concat", ["a"], ["b"], {"axis": -1})
    assert b"\x18" + b"\xff" * 9 + b"\x01" in content


def test_notes_are_read_as_they_were_written():
    assert notes_of(empty({"a": "1", "ä": "2"})) == {"a": "1", "ä": "2"}


def test_tensors_go_into_the_graph():
    array = np.arange(3, dtype="float32")
    content = add_tensors(empty({"a": "1"}), {"x": array})
    (graph,) = [part for number, _, part in fields(content) if number == 7]
    assert [part for number, _, part in fields(graph) if number == 5] == [
        tensor("x", array)
    ]
    assert notes_of(content) == {"a": "1"}


@pytest.mark.parametrize("content", [b"\x0a\xff", b"\xff" * 20, b"\x0b", b"\x0a"])
def test_what_is_no_message_is_refused(content):
    with pytest.raises(WeightsError, match="ONNX file"):
        list(fields(content))
