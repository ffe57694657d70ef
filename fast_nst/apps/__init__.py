"""What filters are used for besides image files: videos, cameras, clusters and the page."""
