"""Stylize images on several machines, with Ray."""

from fast_nst.apps.cluster.run import ClusterReport, stylize_on_cluster

__all__ = ["ClusterReport", "stylize_on_cluster"]
