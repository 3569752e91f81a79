"""What an experiment found, to keep: as data, and as a page that needs nothing but itself."""
