"""A trained model on disk: `NAME.keras` and, beside it, its card `NAME.json`.

`card` needs no Keras; `model_file` does.
"""
