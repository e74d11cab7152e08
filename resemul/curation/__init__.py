"""From a raw collection to clean annotations: tables in, new tables out."""
