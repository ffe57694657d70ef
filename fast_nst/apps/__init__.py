"""What filters are used for besides pictures: video files and cameras."""
