import { describe, expect, it } from 'vitest';
import { codeAt, cornerShares, describeMixture, mixCodes, paintGraph } from '../src/codes';
import type { Graph, Style, StyledModel } from '../src/filters';

const graph: Graph = { model: 'a.onnx', bytes: 1, sha256: '' };
const model: StyledModel = {
  name: 'model',
  code: 2,
  codeSizes: [0.25, 0.5, 1],
  strokeSizes: [0.25, 3],
  leastStrength: 0.5,
  least: 1,
  paint: [
    { ...graph, model: '1', scales: [1] },
    { ...graph, model: '2', scales: [1, 2] },
    { ...graph, model: '4', scales: [2, 4] },
  ],
  decode: graph,
  encode: null,
};
const style = (title: string, ...codes: (number[] | null)[]): Style => ({
  kind: 'style',
  name: title,
  title,
  by: '',
  thumbnail: null,
  model,
  codes: codes.map((code) => code && Float32Array.from(code)),
});
const full = style('Full', [0, 0], [1, 10], [2, 20]);

describe('the code of a style', () => {
  it('is the given one at the sizes that have one, and from the last on', () => {
    expect([...codeAt(full, 0.25)]).toEqual([0, 0]);
    expect([...codeAt(full, 0.5)]).toEqual([1, 10]);
    expect([...codeAt(full, 1)]).toEqual([2, 20]);
    expect([...codeAt(full, 2.5)]).toEqual([2, 20]);
  });

  it('lies between those of the nearest sizes, on a scale of octaves', () => {
    expect(codeAt(full, Math.SQRT1_2)[0]).toBeCloseTo(1.5, 6);
    expect(codeAt(full, 0.25 * Math.SQRT2)[1]).toBeCloseTo(5, 5);
  });

  it('is the nearest that is known where others are not computed yet', () => {
    expect([...codeAt(style('One', null, null, [1, 10]), 0.3)]).toEqual([1, 10]);
    expect(codeAt(style('Two', [0, 0], null, [2, 20]), 0.5)[0]).toBeCloseTo(1, 6);
  });

  it('of a mixture is the mean by shares', () => {
    const other = style('Other', [0, 0], [0, 0], [4, 0]);
    const parts = [
      { style: full, share: 0.25 },
      { style: other, share: 0.75 },
    ];
    expect([...mixCodes(parts, 1)]).toEqual([3.5, 5]);
  });
});

describe('the graph that paints', () => {
  it.each([
    [0.5, '1', [1]],
    [1, '1', [1]],
    [Math.SQRT2, '2', [0.5, 0.5]],
    [2, '2', [0, 1]],
    [2 * Math.SQRT2, '4', [0.5, 0.5]],
  ])('strokes of %d is that with scale %s', (size, wanted, parts) => {
    const { graph: found, shares } = paintGraph(model, size);
    expect(found.model).toBe(wanted);
    shares.forEach((share, at) => {
      expect(share).toBeCloseTo(parts[at]!, 9);
    });
  });
});

describe('a mixture', () => {
  it('is told by its shares, largest first', () => {
    const other = style('Other', null, null, [0, 0]);
    expect(describeMixture([{ style: other, share: 0.3 }, { style: full, share: 0.7 }])).toBe(
      'Full 70\u00a0%, Other 30\u00a0%',
    );
    expect(describeMixture([{ style: other, share: 0.001 }, { style: full, share: 0.999 }])).toBe('Full');
  });
});

describe('the mixing pad', () => {
  const everyPlace = [0, 0.3, 0.5, 1].flatMap((x) => [0, 0.25, 0.8, 1].map((y) => [x, y] as const));
  const everyChoice = Array.from({ length: 15 }, (_, bits) =>
    [1, 2, 4, 8].map((bit) => ((bits + 1) & bit) !== 0),
  );

  it('gives shares that sum to 1, none to a free corner, wherever it is', () => {
    for (const taken of everyChoice) {
      for (const [x, y] of everyPlace) {
        const shares = cornerShares(x, y, taken);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
        shares.forEach((share, at) => {
          expect(share).toBeGreaterThanOrEqual(0);
          if (!taken[at]) expect(share).toBe(0);
        });
      }
    }
  });

  it('gives a corner all of it in that corner', () => {
    const all = [true, true, true, true];
    expect(cornerShares(0, 0, all)).toEqual([1, 0, 0, 0]);
    expect(cornerShares(1, 0, all)).toEqual([0, 1, 0, 0]);
    expect(cornerShares(0, 1, all)).toEqual([0, 0, 1, 0]);
    expect(cornerShares(1, 1, all)).toEqual([0, 0, 0, 1]);
    expect(cornerShares(0.5, 0.5, all)).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it('is a slider between two', () => {
    const two = [true, true, false, false];
    expect(cornerShares(0.25, 0, two)).toEqual(cornerShares(0.25, 1, two));
    expect(cornerShares(0.25, 0.4, two)[1]).toBeCloseTo(0.25, 12);
  });
});
