"""Print the path of a photograph that arrives with scikit-image (nothing is downloaded)."""

from pathlib import Path

import skimage

print(Path(skimage.__file__).parent / "data" / "astronaut.png")
