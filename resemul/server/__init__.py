"""Tags over HTTP, and a page that shows them. TensorFlow is not imported."""
