"""Stylize pictures on several machines, with Ray."""

from fast_nst.apps.cluster.run import (
    ClusterFailure,
    ClusterProgress,
    ClusterReport,
    stylize_on_cluster,
)

__all__ = ["ClusterFailure", "ClusterProgress", "ClusterReport", "stylize_on_cluster"]
