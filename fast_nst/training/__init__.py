"""Training a filter: ``train(config, run_dir=..., output_dir=...)``."""
