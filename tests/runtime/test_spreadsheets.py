import io

import numpy as np
import pandas as pd
import pytest

from resemul.runtime.spreadsheets import mask_formula, write_csv


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_run_is_masked(text):
    assert mask_formula(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["rock", "", "r&b", "1-2", -1, -0.5, None])
def test_everything_else_stays(cell):
    assert mask_formula(cell) == cell


def test_a_table_has_plain_line_ends_and_empty_cells_for_what_is_missing():
    table = pd.DataFrame({"=tag": ["=1+1", "a,b"], "score": [-0.5, np.nan]})
    file = io.StringIO()
    write_csv(table, file)
    assert file.getvalue() == "'=tag,score\n'=1+1,-0.5\n\"a,b\",\n"
