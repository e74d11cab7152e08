"""What several tests of this folder need."""


def track_id(number: int) -> str:
    """A track id that is none: TR and 16 characters."""
    return f"TR{number:016d}"
