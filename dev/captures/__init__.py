"""Makes the scrapes anew on which presets are tried: real servers, asked what the first lines of a scrape say."""
