/* What the page and its worker say to each other. */
import type { PlainFilter, StyledModel } from './filters';

export type Backend = 'webgpu' | 'wasm';

/** What paints: a filter, or a model of many styles in one setting. */
export type Layer =
  | { readonly kind: 'plain'; readonly filter: PlainFilter }
  | {
      readonly kind: 'styled';
      readonly model: StyledModel;
      /** For messages. */
      readonly title: string;
      /** Of a style, or a mixture, at this stroke size. */
      readonly code: Float32Array;
      readonly strength: number;
      readonly strokeSize: number;
    };

export interface Settings {
  readonly first: Layer;
  /** The second layer, and its share in the result, 0 to 1. */
  readonly second: Layer | null;
  readonly mix: number;
  /** Share of the stylized image in the result, 0 to 1. */
  readonly strength: number;
  /** Images are made smaller by it before layers see them: strokes are larger by as much. */
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
    }
  | {
      kind: 'encode';
      id: number;
      model: StyledModel;
      picture: ImageBitmap;
      /** Of the picture, for messages. */
      title: string;
      strokeSize: number;
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
  | { kind: 'code'; id: number; code: Float32Array }
  | { kind: 'failed'; id: number; message: string };
