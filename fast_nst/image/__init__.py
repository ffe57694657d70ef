"""Images as the rest of the package knows them: RGB, float32, sRGB in [0, 1]."""
