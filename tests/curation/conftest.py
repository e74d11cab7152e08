"""A small world of tags and songs, and the real data where they are."""

from pathlib import Path

import pytest

REAL_DATA = Path(__file__).parents[3] / "shared" / "data" / "msd"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Published files of the Million Song Dataset; skips where they are absent."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real data are not here")
    return REAL_DATA


@pytest.fixture
def write_summary(tmp_path):
    """Writes a summary file of (7digital id, track id, year)."""
    import h5py
    import numpy as np

    def write(rows, name="summary.h5", tracks=None):
        path = tmp_path / name
        numbers, tids, years = zip(*rows, strict=True)
        with h5py.File(path, "w") as file:
            songs = np.array(
                list(zip(numbers, strict=True)), [("track_7digitalid", "<i4")]
            )
            file["metadata/songs"] = songs
            tids = [tid.encode() for tid in (tids if tracks is None else tracks)]
            tids = np.array(list(zip(tids, strict=True)), [("track_id", "S32")])
            file["analysis/songs"] = tids
            years = np.array(list(zip(years, strict=True)), [("year", "<i4")])
            file["musicbrainz/songs"] = years
        return path

    return write
