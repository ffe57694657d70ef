/* What the page and its worker say to each other. */
import type { Filter } from './filters';

export type Backend = 'webgpu' | 'wasm';

export interface Settings {
  readonly filter: Filter;
  /** The second filter, and its share in the result, 0 to 1. */
  readonly second: Filter | null;
  readonly mix: number;
  /** Share of the stylized image in the result, 0 to 1. */
  readonly strength: number;
  /** Size of the strokes over what the filter does by itself. */
  readonly stroke: number;
}

export type ToWorker =
  | { kind: 'start'; backend: Backend; threads: number; base: string }
  | {
      kind: 'render';
      id: number;
      settings: Settings;
      /** The content at the result's size; null: the one before again. */
      content: ImageBitmap | null;
      /** A result's buffer that is no longer shown, to be used again. */
      spare: ArrayBuffer | null;
    };

export interface Result {
  readonly width: number;
  readonly height: number;
  /** RGBA, 8 bits. */
  readonly pixels: ArrayBuffer;
  /** The content, given back; null where it was not sent. */
  readonly content: ImageBitmap | null;
  /** Time in the worker, ms. */
  readonly ms: number;
}

export type FromWorker =
  | { kind: 'started'; backend: Backend; threads: number }
  | { kind: 'note'; text: string }
  | { kind: 'result'; id: number; result: Result }
  | { kind: 'failed'; id: number; message: string };
