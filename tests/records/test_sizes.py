import numpy as np
import pytest

from resemul.records.schema import encode_clip, encode_segment
from resemul.records.sizes import clip_bytes, segment_bytes

FRAME_BYTES = 16


@pytest.mark.parametrize(("encoding", "width"), [("float32", 4), ("int16", 2)])
@pytest.mark.parametrize("num_samples", [1, 31, 100, 4_096, 59_049])
@pytest.mark.parametrize("num_tags", [1, 50, 200])
def test_sizes_are_those_of_encoded_records(encoding, width, num_samples, num_tags):
    segment = np.zeros(num_samples, "float32")
    labels = np.zeros(num_tags, "uint8")
    num_bytes = num_samples * width
    record = encode_segment(segment, labels, encoding)
    assert segment_bytes(num_bytes, num_tags, encoding) == len(record) + FRAME_BYTES
    for num_segments in (1, 10):
        segments = np.zeros((num_segments, num_samples), "float32")
        record = encode_clip(segments, labels, encoding)
        expected = len(record) + FRAME_BYTES
        assert clip_bytes(num_segments, num_bytes, num_tags, encoding) == expected
