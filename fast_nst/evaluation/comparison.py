"""Filters beside optimized images: one optimization serves all filters that share a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from fast_nst.evaluation.iterations import paper_iterations, strict_iterations
from fast_nst.evaluation.progress import Work
from fast_nst.evaluation.report import Curve
from fast_nst.evaluation.subjects import JudgedFilter
from fast_nst.losses.perceptual import PerceptualLoss

SHOWN = (50, 100, 200)  # iterations whose images stand in the contact sheet


@dataclass(frozen=True)
class Comparison:
    """Optimizes images, and counts the iterations until they are as good as the filters'.

    Args:
        subjects: the filters.
        iterations: maximum of each optimization.
        bf16: whether encoders compute in bfloat16.
    """

    subjects: Sequence[JudgedFilter]
    iterations: int
    bf16: bool

    def stages(self) -> list[str]:
        """The kinds of work for each photo, in order."""
        return ["paper"] * len(self._groups("objective")) + ["strict"] * (
            len(self._groups("plain")) + len(self._groups("judge"))
        )

    def photo(
        self,
        name: str,
        size: int,
        content: Tensor,
        stylized: Sequence[Tensor],
        work: Work,
        *,
        show: bool,
    ) -> tuple[list[dict[str, int | None]], list[Curve]]:
        """Compare on one photo.

        Args:
            name: of the photo.
            size: its short side, px.
            content: (1, 3, H, W) in [0, 1].
            stylized: what each filter makes of it.
            work: receives the progress.
            show: whether to return curves and images as well, which takes as many iterations as
                are shown.

        Returns:
            For each filter its iterations, named as in ``FIGURES``; and the curves.
        """
        counts: list[dict[str, int | None]] = [{} for _ in self.subjects]
        curves = []
        for loss, members in self._groups("objective"):
            work.begin(f"{size} px, {name}, paper's way", "paper", size)
            found, goals, trajectory = paper_iterations(
                loss,
                content,
                [stylized[index] for index in members],
                iterations=self.iterations,
                keep=[k for k in SHOWN if k <= self.iterations] if show else (),
                bf16=self.bf16,
                on_iteration=work.iteration,
            )
            for index, count in zip(members, found, strict=True):
                counts[index]["paper"] = count
            if show:
                named = [(self.subjects[index].name, stylized[index]) for index in members]
                steps = [(f"L-BFGS, {k}", at) for k, at in trajectory.images.items()]
                sheet = [("content", content), *named, *steps]
                curves.append(
                    Curve(
                        size=size,
                        photo=name,
                        totals=trajectory.totals(),
                        filters=dict(zip((label for label, _ in named), goals, strict=True)),
                        sheet=[(label, image[0].float().cpu()) for label, image in sheet],
                    )
                )
        for kind, key in (("plain", "strict"), ("judge", "strict_judge")):
            for loss, members in self._groups(kind):
                judge = ", judge" if kind == "judge" else ""
                work.begin(f"{size} px, {name}, strict way{judge}", "strict", size)
                found = strict_iterations(
                    loss,
                    content,
                    [stylized[index] for index in members],
                    iterations=self.iterations,
                    bf16=self.bf16,
                    on_iteration=work.iteration,
                )
                for index, count in zip(members, found, strict=True):
                    counts[index][key] = count
        return counts, curves

    def _groups(self, kind: str) -> list[tuple[PerceptualLoss, list[int]]]:
        """Each loss of that kind, and the indices of the filters that share it.

        Filters that paint nothing are left out: optimized pixels can do what these cannot.
        """
        groups: dict[int, tuple[PerceptualLoss, list[int]]] = {}
        for index, subject in enumerate(self.subjects):
            loss: PerceptualLoss | None = getattr(subject, kind)
            if loss is not None and subject.metadata.paints:
                groups.setdefault(id(loss), (loss, []))[1].append(index)
        return list(groups.values())
