import { PageError } from './errors';

/** An ONNX file; its address is relative to the page. */
export interface Graph {
  readonly model: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What is seen of a filter in the list. */
interface Listed {
  readonly name: string;
  readonly title: string;
  readonly by: string;
  readonly thumbnail: string | null;
}

/** A filter that is one graph, from images to images. */
export interface PlainFilter extends Listed, Graph {
  readonly kind: 'plain';
  /** Names of the model's input and output: float32 (1, 3, H, W), RGB in [0, 1]. */
  readonly input: string;
  readonly output: string;
  /** The least height and width that the model takes, px. */
  readonly least: number;
}

/**
 * `content` and `weights` to `stylized`. Strokes that are larger come from layers that see the image at another
 * scale; with two scales, there is a third input, `shares` of them.
 */
export interface PaintGraph extends Graph {
  readonly scales: readonly number[];
}

/** A network of many styles, whose weights are made of codes. */
export interface StyledModel {
  readonly name: string;
  /** Length of a code. */
  readonly code: number;
  /** Stroke sizes that styles have codes for, growing; 1 is the last. */
  readonly codeSizes: readonly number[];
  /** Least and most. */
  readonly strokeSizes: readonly [number, number];
  /** The least strength that it decodes; below, the photo is blended in. */
  readonly leastStrength: number;
  readonly least: number;
  /** For strokes of up to the last scale of each, growing. */
  readonly paint: readonly PaintGraph[];
  /** `code`, `strength` and `stroke_size` to `weights`. */
  readonly decode: Graph;
  /** `picture` to `code`; null: it takes no further styles. */
  readonly encode: Graph | null;
}

export interface Style extends Listed {
  readonly kind: 'style';
  readonly model: StyledModel;
  /** For each of the model's code sizes; null where it is not known yet. */
  readonly codes: (Float32Array | null)[];
}

export type Filter = PlainFilter | Style;

export interface FilterList {
  readonly sample: string | null;
  readonly filters: readonly Filter[];
}

export const LIST_ADDRESS = 'filters/filters.json';
const VERSION = 2;

/** @throws PageError that says what is wrong with the list, and what to do. */
export async function loadFilters(): Promise<FilterList> {
  const response = await fetch(LIST_ADDRESS).catch(() => null);
  if (!response?.ok) {
    throw new PageError(`${LIST_ADDRESS} is missing. Write this folder with fast-nst web.`);
  }
  let document: unknown;
  try {
    document = await response.json();
  } catch {
    throw new PageError(`${LIST_ADDRESS} is not JSON. Write this folder again with fast-nst web.`);
  }
  return parseFilters(document);
}

/**
 * Check the list of filters and make it typed.
 *
 * @throws PageError that names the entry, what it holds and what is expected.
 */
export function parseFilters(document: unknown): FilterList {
  const root = asObject(document, LIST_ADDRESS);
  if (root.version !== VERSION) {
    throw new PageError(
      `${LIST_ADDRESS} has version ${show(root.version)}; this page reads version ${VERSION}. ` +
        'Write the folder again with fast-nst web.',
    );
  }
  if (!Array.isArray(root.filters) || root.filters.length === 0) {
    throw new PageError(
      `${LIST_ADDRESS} has no filters. Write the folder again with fast-nst web.`,
    );
  }
  const listed = root.models ?? [];
  if (!Array.isArray(listed)) wrong(`${LIST_ADDRESS}: models`, listed, 'a list');
  const models = listed.map((entry, index) => parseModel(entry, index));
  const filters = root.filters.map((entry, index) => parseFilter(entry, index, models));
  const names = new Set<string>();
  for (const { name } of filters) {
    if (names.has(name)) throw new PageError(`${LIST_ADDRESS} has two filters named ${name}.`);
    names.add(name);
  }
  const page = root.page === undefined ? {} : asObject(root.page, `${LIST_ADDRESS}: page`);
  const sample = page.sample ?? null;
  return { sample: sample === null ? null : address(sample, `${LIST_ADDRESS}: page.sample`), filters };
}

function parseFilter(document: unknown, index: number, models: readonly StyledModel[]): Filter {
  const entry = new Entry(document, `${LIST_ADDRESS}: filters[${index}]`);
  const listed = {
    name: entry.some('name'),
    title: entry.some('title'),
    by: entry.text('by'),
    thumbnail: entry.has('thumbnail', null) ? null : entry.address('thumbnail'),
  };
  if (!entry.has('styled')) {
    return {
      kind: 'plain',
      ...listed,
      ...entry.graph(),
      input: entry.some('input'),
      output: entry.some('output'),
      least: entry.count('least'),
    };
  }
  const name = entry.some('styled');
  const model = models.find((each) => each.name === name);
  if (!model) wrong(`${entry.where}.styled`, name, 'the name of one of its models');
  return { kind: 'style', ...listed, model, codes: parseCodes(entry, model) };
}

function parseModel(document: unknown, index: number): StyledModel {
  const entry = new Entry(document, `${LIST_ADDRESS}: models[${index}]`);
  const codeSizes = entry.growing('code_sizes');
  if (codeSizes.at(-1) !== 1) wrong(`${entry.where}.code_sizes`, codeSizes, '1 as the last');
  const [least, most] = entry.growing('stroke_sizes');
  const paint = entry.get('paint');
  if (!Array.isArray(paint) || paint.length === 0) wrong(`${entry.where}.paint`, paint, 'a list of graphs');
  const leastStrength = entry.get('least_strength');
  if (typeof leastStrength !== 'number' || !(leastStrength > 0 && leastStrength <= 1)) {
    wrong(`${entry.where}.least_strength`, leastStrength, 'a number greater than 0, up to 1');
  }
  return {
    name: entry.some('name'),
    code: entry.count('code'),
    codeSizes,
    strokeSizes: [least ?? 1, most ?? least ?? 1],
    leastStrength,
    least: entry.count('least'),
    paint: paint.map((each, at) => {
      const graph = new Entry(each, `${entry.where}.paint[${at}]`);
      return { ...graph.graph(), scales: graph.growing('scales') };
    }),
    decode: entry.inside('decode').graph(),
    encode: entry.has('encode', null) ? null : entry.inside('encode').graph(),
  };
}

/** Codes are written one after the other: float32, little-endian, in base64. */
function parseCodes(entry: Entry, model: StyledModel): Float32Array[] {
  const count = model.codeSizes.length * model.code;
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(entry.text('codes')), (letter) => letter.charCodeAt(0));
  } catch {
    bytes = new Uint8Array(0);
  }
  if (bytes.length !== 4 * count) {
    wrong(`${entry.where}.codes`, `${bytes.length} bytes`, `${4 * count} bytes in base64`);
  }
  const view = new DataView(bytes.buffer);
  const values = Float32Array.from({ length: count }, (_, at) => view.getFloat32(4 * at, true));
  return model.codeSizes.map((_, at) => values.slice(at * model.code, (at + 1) * model.code));
}

/** An object of the list, whose values are checked when they are read. */
class Entry {
  private readonly values: Record<string, unknown>;

  constructor(
    document: unknown,
    readonly where: string,
  ) {
    this.values = asObject(document, where);
  }

  get(key: string): unknown {
    return this.values[key];
  }

  /** Whether there is a value, or this one. */
  has(key: string, value?: null): boolean {
    return value === null ? this.values[key] === null : this.values[key] !== undefined;
  }

  text(key: string): string {
    const value = this.values[key];
    if (typeof value !== 'string') wrong(`${this.where}.${key}`, value, 'a text');
    return value;
  }

  some(key: string): string {
    return this.text(key) || wrong(`${this.where}.${key}`, '', 'some text');
  }

  count(key: string): number {
    const value = this.values[key];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
      wrong(`${this.where}.${key}`, value, 'a whole number of 1 or more');
    }
    return value;
  }

  /** Numbers greater than 0, one or more, each greater than the one before. */
  growing(key: string): number[] {
    const values = this.values[key];
    const grows = (value: unknown, at: number, all: unknown[]): boolean =>
      typeof value === 'number' && value > (at > 0 ? Number(all[at - 1]) : 0);
    if (!Array.isArray(values) || values.length === 0 || !values.every(grows)) {
      wrong(`${this.where}.${key}`, values, 'growing numbers');
    }
    return values as number[];
  }

  address(key: string): string {
    return address(this.values[key], `${this.where}.${key}`);
  }

  inside(key: string): Entry {
    return new Entry(this.values[key], `${this.where}.${key}`);
  }

  graph(): Graph {
    const sha256 = this.text('sha256');
    if (!/^[0-9a-f]{64}$/.test(sha256)) wrong(`${this.where}.sha256`, sha256, '64 hexadecimal digits');
    return { model: this.address('model'), bytes: this.count('bytes'), sha256 };
  }
}

/** An address within the page's own folder: nothing else is ever loaded. */
function address(value: unknown, where: string): string {
  // Parts between slashes that do not begin with a dot; ":", "?" and "#" mean something else in addresses.
  if (typeof value !== 'string' || !/^[^./\\:?#][^/\\:?#]*(\/[^./\\:?#][^/\\:?#]*)*$/.test(value)) {
    wrong(where, value, 'a relative address such as filters/starry_night.onnx');
  }
  return value;
}

function asObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    wrong(where, value, 'an object');
  }
  return value as Record<string, unknown>;
}

function wrong(where: string, value: unknown, expected: string): never {
  throw new PageError(`${where} is ${show(value)}; expected ${expected}.`);
}

function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}
