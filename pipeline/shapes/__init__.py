"""Where shapes come from and how they are mended and normalised."""
