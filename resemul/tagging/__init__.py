"""Tags for a user's own music."""
