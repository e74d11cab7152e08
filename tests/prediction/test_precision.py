"""What `auto` resolves to."""

import keras

from resemul.prediction import precision


def test_auto_precision_goes_by_the_flags_of_the_cpu(tmp_path, monkeypatch):
    cpu_info = tmp_path / "cpuinfo"
    monkeypatch.setattr(precision, "_CPU_INFO", cpu_info)
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: [])
    assert precision.choose_precision("auto") == "float32"
    cpu_info.write_text("flags : sse avx512_bf16 avx")
    assert precision.choose_precision("auto") == "mixed_bfloat16"
    cpu_info.write_text("flags : sse avx")
    assert precision.choose_precision("auto") == "float32"
    assert precision.choose_precision("mixed_bfloat16") == "mixed_bfloat16"
