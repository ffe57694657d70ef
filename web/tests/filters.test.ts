import { describe, expect, it } from 'vitest';
import { parseFilters } from '../src/filters';

const entry = {
  name: 'starry_night',
  title: 'The Starry Night',
  by: 'Vincent van Gogh',
  model: 'filters/starry_night.onnx',
  bytes: 1234567,
  sha256: 'a'.repeat(64),
  thumbnail: 'filters/starry_night.webp',
  input: 'content',
  output: 'stylized',
  least: 32,
};
const list = (changes: object = {}): unknown => ({
  version: 1,
  page: { sample: 'filters/sample.webp' },
  filters: [{ ...entry, ...changes }],
});

describe('filters.json', () => {
  it('is read as it is written', () => {
    const { sample, filters } = parseFilters(list());
    expect(sample).toBe('filters/sample.webp');
    expect(filters).toEqual([entry]);
  });

  it('needs no sample, no thumbnail and no painter', () => {
    const { sample, filters } = parseFilters({
      version: 1,
      filters: [{ ...entry, thumbnail: null, by: '' }],
    });
    expect(sample).toBeNull();
    expect(filters[0]).toMatchObject({ thumbnail: null, by: '' });
  });

  it.each([
    [{ bytes: '12' }, 'filters/filters.json: filters[0].bytes is "12"; expected a whole number of 1 or more.'],
    [{ bytes: 1.5 }, 'filters[0].bytes is 1.5'],
    [{ least: 0 }, 'filters[0].least is 0; expected a whole number of 1 or more.'],
    [{ name: '' }, 'filters[0].name is ""; expected some text.'],
    [{ title: undefined }, 'filters[0].title is missing; expected a text.'],
    [{ by: null }, 'filters[0].by is null; expected a text.'],
    [{ sha256: 'xyz' }, 'filters[0].sha256 is "xyz"; expected 64 hexadecimal digits.'],
    [{ thumbnail: undefined }, 'filters[0].thumbnail is missing; expected a relative address'],
  ])('with %j is refused, and told why', (changes, message) => {
    expect(() => parseFilters(list(changes))).toThrow(message);
  });

  it.each(['https://example.com/x.onnx', '//example.com/x.onnx', '/x.onnx', '../x.onnx', 'a/../x.onnx', 'data:,x', ''])(
    'may not lead to %j, outside the page',
    (model) => {
      expect(() => parseFilters(list({ model }))).toThrow('filters[0].model is');
    },
  );

  it('may name files in any script', () => {
    const model = `filters/${encodeURIComponent('große Welle')}.onnx`;
    expect(parseFilters(list({ model })).filters[0]?.model).toBe(model);
    expect(parseFilters(list({ model: 'filters/波 1.onnx' })).filters[0]?.model).toBe('filters/波 1.onnx');
  });

  it('may not have two filters of one name', () => {
    expect(() => parseFilters({ version: 1, filters: [entry, entry] })).toThrow('two filters named starry_night');
  });

  it.each([null, [], 'x', { version: 1 }, { version: 1, filters: [] }, { version: 2, filters: [entry] }, { version: 1, filters: [3] }])(
    'that is %j is refused in one line',
    (document) => {
      expect(() => parseFilters(document)).toThrow(/^filters\/filters\.json.*\.$/);
    },
  );
});
