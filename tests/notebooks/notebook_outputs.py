"""What the tests of all notebooks look at."""


def outputs(notebook):
    """Every output of every cell."""
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


def count_figures(notebook):
    """Pictures among the outputs."""
    return sum("image/png" in output.get("data", {}) for output in outputs(notebook))
