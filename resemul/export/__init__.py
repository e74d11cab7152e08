"""Models for other runtimes: one file or folder, checked against the model.

`exporters` is the table of formats; `exporting` writes them and needs Keras. `graphs`
makes an ONNX file of published weights without it.
"""
