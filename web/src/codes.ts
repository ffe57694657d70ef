/* What the page does with the codes of styles: interpolate between stroke sizes, and mix. */
import type { PaintGraph, Style, StyledModel } from './filters';

/** A style, and its share in a mixture. */
export interface Part {
  readonly style: Style;
  readonly share: number;
}

/**
 * The code of a mixture at a stroke size.
 *
 * @param parts one or more, of one model; their shares sum to 1.
 */
export function mixCodes(parts: readonly Part[], strokeSize: number): Float32Array {
  const mixed = new Float32Array(parts[0]?.style.model.code ?? 0);
  for (const { style, share } of parts) {
    const code = codeAt(style, strokeSize);
    for (let i = 0; i < mixed.length; i++) mixed[i] = mixed[i]! + share * (code[i]!);
  }
  return mixed;
}

/**
 * The code of a style at a stroke size, between those of the nearest sizes on a scale of octaves.
 * Sizes whose codes are not known yet are left out; beyond the last one, its code is taken.
 */
export function codeAt({ model, codes }: Style, strokeSize: number): Float32Array {
  const known = model.codeSizes.flatMap((size, at) => {
    const code = codes[at];
    return code ? [{ size, code }] : [];
  });
  const below = known.findLast(({ size }) => size <= strokeSize) ?? known[0];
  const above = known.find(({ size }) => size > strokeSize) ?? known.at(-1);
  if (!below || !above) throw new RangeError('a style has no code yet.');
  if (strokeSize <= below.size || above.size <= below.size) return below.code;
  const share = Math.log2(strokeSize / below.size) / Math.log2(above.size / below.size);
  return below.code.map((value, i) => value + share * ((above.code[i]!) - value));
}

/**
 * The graph that paints strokes of a size, and the share of each of its scales: as in fast_nst.networks.layers,
 * features of the two nearest powers of two are mixed.
 */
export function paintGraph(model: StyledModel, strokeSize: number): { graph: PaintGraph; shares: number[] } {
  const graph = model.paint.find(({ scales }) => strokeSize <= scales.at(-1)!) ?? model.paint.at(-1)!;
  const place = Math.log2(Math.max(1, strokeSize));
  const shares = graph.scales.map((scale) => Math.max(0, 1 - Math.abs(place - Math.log2(scale))));
  return { graph, shares };
}

/** "Starry night", or "Starry night 60 %, Great wave 40 %"; shares below half a percent are left out. */
export function describeMixture(parts: readonly Part[]): string {
  const heard = parts
    .filter(({ share }) => share >= 0.005)
    .sort((a, b) => b.share - a.share)
    .map(({ style, share }) => ({ title: style.title, percent: Math.round(100 * share) }));
  if (heard.length === 1) return heard[0]!.title;
  return heard.map(({ title, percent }) => `${title} ${percent}\u00a0%`).join(', ');
}

/** The four corners of a mixing pad: left top, right top, left bottom, right bottom. */
export const CORNERS = 4;

/**
 * The share of each corner at a place of the pad; they sum to 1.
 *
 * A free corner's share goes to its neighbours, half to each; or all to the one that is taken; or, if both
 * are free as well, to the corner across.
 *
 * @param across 0 (left) to 1 (right).
 * @param down 0 (top) to 1 (bottom).
 * @param taken whether a corner has a style; at least one has.
 */
export function cornerShares(across: number, down: number, taken: readonly boolean[]): number[] {
  const shares = [
    (1 - across) * (1 - down),
    across * (1 - down),
    (1 - across) * down,
    across * down,
  ];
  const result = shares.map((share, at) => (taken[at] ? share : 0));
  shares.forEach((share, at) => {
    if (taken[at]) return;
    const beside = [at ^ 1, at ^ 2].filter((each) => taken[each]);
    const heirs = beside.length > 0 ? beside : [at ^ 3];
    for (const heir of heirs) result[heir] = (result[heir] ?? 0) + share / heirs.length;
  });
  return result;
}
