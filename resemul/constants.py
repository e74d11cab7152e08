"""Numbers that several modules share, each with its unit and its reason."""

# Hz. MTT mp3s are 16 kHz; the published system up-samples them to this rate.
SAMPLE_RATE = 22_050

# Samples per segment: the stride-3 stem and nine pools of 3 reduce 3^10 to 1.
NUM_SAMPLES = 3**10

# Seconds. MTT clips last about 29.1 s; the published system reads the first 29.
CLIP_SECONDS = 29.0

# Whole segments in one MTT clip (10); what is left over is dropped.
SEGMENTS_PER_CLIP = int(CLIP_SECONDS * SAMPLE_RATE) // NUM_SAMPLES

# Probability from which a tag counts as present, if no threshold was fitted for it.
DEFAULT_THRESHOLD = 0.5

SPLITS = ("train", "val", "test")
