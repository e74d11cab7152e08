"""The machine: files, locks, worker processes, progress, the start of TensorFlow."""
