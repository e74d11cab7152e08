"""Running a model over clips, as fast as the machine at hand allows."""
