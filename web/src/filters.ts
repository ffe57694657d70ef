import { PageError } from './errors';

/** One filter of filters/filters.json. Addresses are relative to the page. */
export interface Filter {
  readonly name: string;
  readonly title: string;
  readonly by: string;
  readonly model: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly thumbnail: string | null;
  /** Names of the model's input and output: float32 (1, 3, H, W), RGB in [0, 1]. */
  readonly input: string;
  readonly output: string;
  /** The least height and width that the model takes, px. */
  readonly least: number;
}

export interface FilterList {
  readonly sample: string | null;
  readonly filters: readonly Filter[];
}

export const LIST_ADDRESS = 'filters/filters.json';
const VERSION = 1;

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
  const filters = root.filters.map((entry, index) => parseFilter(entry, index));
  const names = new Set<string>();
  for (const { name } of filters) {
    if (names.has(name)) throw new PageError(`${LIST_ADDRESS} has two filters named ${name}.`);
    names.add(name);
  }
  const page = root.page === undefined ? {} : asObject(root.page, `${LIST_ADDRESS}: page`);
  const sample = page.sample ?? null;
  return { sample: sample === null ? null : address(sample, `${LIST_ADDRESS}: page.sample`), filters };
}

function parseFilter(document: unknown, index: number): Filter {
  const where = `${LIST_ADDRESS}: filters[${index}]`;
  const entry = asObject(document, where);
  const text = (key: string): string => {
    const value = entry[key];
    if (typeof value !== 'string') wrong(`${where}.${key}`, value, 'a text');
    return value;
  };
  const some = (key: string): string => text(key) || wrong(`${where}.${key}`, '', 'some text');
  const count = (key: string, least: number): number => {
    const value = entry[key];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least) {
      wrong(`${where}.${key}`, value, `a whole number of ${least} or more`);
    }
    return value;
  };
  const sha256 = text('sha256');
  if (!/^[0-9a-f]{64}$/.test(sha256)) wrong(`${where}.sha256`, sha256, '64 hexadecimal digits');
  return {
    name: some('name'),
    title: some('title'),
    by: text('by'),
    model: address(entry.model, `${where}.model`),
    bytes: count('bytes', 1),
    sha256,
    thumbnail: entry.thumbnail === null ? null : address(entry.thumbnail, `${where}.thumbnail`),
    input: some('input'),
    output: some('output'),
    least: count('least', 1),
  };
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
