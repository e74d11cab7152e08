"""Durations as people read them."""


def format_seconds(seconds: float) -> str:
    """Writes a duration as "0:05", "12:34" or "1:02:03"."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"
