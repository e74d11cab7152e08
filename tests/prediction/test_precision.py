"""What `auto` resolves to."""

import keras
import pytest

from resemul.prediction import precision


def test_auto_precision_goes_by_the_flags_of_the_cpu(tmp_path, monkeypatch):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    cpu_info = tmp_path / "cpuinfo"
    monkeypatch.setattr(precision, "_CPU_INFO", cpu_info)
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: [])
    assert precision.choose_precision("auto") == "float32"
    cpu_info.write_text("flags : sse avx512_bf16 avx")
    assert precision.choose_precision("auto") == "mixed_bfloat16"
    cpu_info.write_text("flags : sse avx")
    assert precision.choose_precision("auto") == "float32"
    assert precision.choose_precision("mixed_bfloat16") == "mixed_bfloat16"


@pytest.mark.parametrize(
    ("cap", "expected"),
    [
        ("AVX2", "float32"),
        ("AVX512_CORE", "float32"),
        ("avx512_core_bf16", "mixed_bfloat16"),
        ("AVX512_CORE_AMX", "mixed_bfloat16"),
        ("DEFAULT", "mixed_bfloat16"),
    ],
)
def test_auto_precision_heeds_what_onednn_is_held_to(
    tmp_path, monkeypatch, cap, expected
):
    (tmp_path / "cpuinfo").write_text("flags : sse avx512_bf16 avx")
    monkeypatch.setattr(precision, "_CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: [])
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", cap)
    assert precision.choose_precision("auto") == expected
