"""Options that make each model small and fast, inputs as short as is legal."""

SMALL = {
    "sample_cnn": {"init_features": 4, "alpha": 1},
    "fcn4": {"channels": 2, "num_samples": 159 * 256},
    "fcn5": {"channels": 4, "num_samples": 1279 * 256},
    "short_chunk_cnn": {"channels": 4, "num_samples": 127 * 256},
    "short_chunk_cnn_res": {"channels": 4, "num_samples": 127 * 256},
    "won_sample_cnn": {"channels": 4},
    "won_sample_cnn_se": {"channels": 4},
    "multi_scale_cnn": {"channels": 1, "dense_units": 8, "num_samples": 63 * 512},
    "pons_waveform": {
        "channels": 4,
        "back_end_channels": 8,
        "dense_units": 8,
        "num_samples": 32_000,
    },
    "pons_log_mel": {
        "channels": 2,
        "back_end_channels": 8,
        "dense_units": 8,
        "num_samples": 32_000,
    },
    "musicnn": {
        "channels": 2,
        "mid_channels": 4,
        "dense_units": 8,
        "num_samples": 16 * 256,
    },
    "musicnn_vgg": {"channels": 2, "num_samples": 67 * 256},
}
