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
  version: 2,
  page: { sample: 'filters/sample.webp' },
  filters: [{ ...entry, ...changes }],
});

describe('filters.json', () => {
  it('is read as it is written', () => {
    const { sample, filters } = parseFilters(list());
    expect(sample).toBe('filters/sample.webp');
    expect(filters).toEqual([{ kind: 'plain', ...entry }]);
  });

  it('needs no sample, no thumbnail and no painter', () => {
    const { sample, filters } = parseFilters({
      version: 2,
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
    expect(() => parseFilters({ version: 2, filters: [entry, entry] })).toThrow('two filters named starry_night');
  });

  it.each([null, [], 'x', { version: 2 }, { version: 2, filters: [] }, { version: 1, filters: [entry] }, { version: 2, filters: [3] }])(
    'that is %j is refused in one line',
    (document) => {
      expect(() => parseFilters(document)).toThrow(/^filters\/filters\.json.*\.$/);
    },
  );
});

describe('a model of many styles', () => {
  const graph = { model: 'filters/model_1.paint.onnx', bytes: 20, sha256: 'b'.repeat(64) };
  const model = {
    name: 'model_1',
    code: 2,
    code_sizes: [0.5, 1],
    stroke_sizes: [0.5, 3],
    least_strength: 0.5,
    least: 1,
    paint: [{ scales: [1], ...graph }],
    decode: graph,
    encode: null,
  };
  // 1, -2, 0.5 and 4 as float32.
  const codes = 'AACAPwAAAMAAAAA/AACAQA==';
  const style = { name: 'mine', title: 'Mine', by: '', thumbnail: null, styled: 'model_1', codes };
  const styled = (changes: object, ofModel: object = {}): unknown => ({
    version: 2,
    models: [{ ...model, ...ofModel }],
    filters: [entry, { ...style, ...changes }],
  });

  it('is read with the codes of its styles', () => {
    const [plain, read] = parseFilters(styled({})).filters;
    expect(plain?.kind).toBe('plain');
    expect(read).toMatchObject({ kind: 'style', name: 'mine', title: 'Mine', thumbnail: null });
    if (read?.kind !== 'style') throw new Error('it is no style');
    expect(read.codes.map((code) => [...(code ?? [])])).toEqual([
      [1, -2],
      [0.5, 4],
    ]);
    expect(read.model).toMatchObject({ codeSizes: [0.5, 1], strokeSizes: [0.5, 3], encode: null });
    expect(read.model.paint).toEqual([{ scales: [1], ...graph }]);
  });

  it.each([
    [{ styled: 'other' }, {}, 'filters[1].styled is "other"; expected the name of one of its models.'],
    [{ codes: 'AACAPw==' }, {}, 'filters[1].codes is "4 bytes"; expected 16 bytes in base64.'],
    [{ codes: '%' }, {}, 'filters[1].codes is "0 bytes"'],
    [{}, { code: 0 }, 'models[0].code is 0; expected a whole number of 1 or more.'],
    [{}, { stroke_sizes: [1, 0.5] }, 'models[0].stroke_sizes is [1,0.5]; expected growing numbers.'],
    [{}, { code_sizes: [0.5, 2] }, 'models[0].code_sizes is [0.5,2]; expected 1 as the last.'],
    [{}, { paint: graph }, 'expected a list of graphs.'],
    [{}, { paint: [graph] }, 'models[0].paint[0].scales is missing; expected growing numbers.'],
    [{}, { least_strength: 0 }, 'models[0].least_strength is 0'],
    [{}, { decode: undefined }, 'models[0].decode is missing; expected an object.'],
    [{}, { encode: { ...graph, model: '../x.onnx' } }, 'models[0].encode.model is'],
  ])('with %j and %j is refused, and told why', (changes, ofModel, message) => {
    expect(() => parseFilters(styled(changes, ofModel))).toThrow(message);
  });
});
