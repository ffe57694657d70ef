"""Statistics of ImageNet's images, which networks trained on it expect; no torch in here."""

# Of RGB in [0, 1].
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
