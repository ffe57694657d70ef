/* From a content image and settings to the pixels of the result. */
import { PageError } from '../errors';
import type { Layer, Result, Settings, ToWorker } from '../messages';
import {
  blendPixels,
  mixTensors,
  pixelsToTensor,
  restoreDetail,
  tensorToPixels,
} from '../pixels';
import { sameSize, seenSize, type Size } from '../sizes';
import { Canvas } from './canvas';
import { sameSetting, type Runtime } from './runtime';

type Request = Extract<ToWorker, { kind: 'render' }>;

export class Renderer {
  private content: ImageData | null = null;
  /** What filters made of this content at `seen`, by name: blending needs no second run. */
  private readonly outputs = new Map<string, { layer: Layer; values: Float32Array }>();
  private seen: Size = { width: 0, height: 0 };
  private input = new Float32Array(0);
  private inputReady = false;
  private mixed = new Float32Array(0);

  private readonly contentCanvas = new Canvas();
  private readonly seenCanvas = new Canvas();
  private readonly smallCanvas = new Canvas();
  private readonly resultCanvas = new Canvas();
  private readonly enlargedCanvas = new Canvas();

  constructor(private readonly runtime: Runtime) {}

  async render({ content: bitmap, settings, spare }: Request): Promise<Result> {
    const started = performance.now();
    if (bitmap) {
      this.content = this.contentCanvas.draw(bitmap, bitmap);
      this.forget();
    }
    if (!this.content) throw new PageError('There is no image yet. Open one.');
    const { width, height, data } = this.content;
    const pixels = reuse(spare, data.length);
    if (settings.strength === 0) {
      pixels.set(data);
    } else {
      const stylized = await this.stylize(settings, this.content);
      blendPixels(data, stylized, settings.strength, pixels);
    }
    const ms = performance.now() - started;
    return { width, height, pixels: pixels.buffer, content: bitmap, ms };
  }

  /** The stylized pixels at the content's size. */
  private async stylize(settings: Settings, content: ImageData): Promise<Uint8ClampedArray> {
    const { first, second, stroke } = settings;
    const least = Math.max(leastOf(first), second ? leastOf(second) : 0);
    const seen = seenSize(content, stroke, least);
    if (!sameSize(seen, this.seen)) this.forget();
    this.seen = seen;
    const tensor = await this.mix(settings, content);
    const small = new ImageData(seen.width, seen.height);
    tensorToPixels(tensor, small.data);
    if (sameSize(seen, content)) return small.data;

    this.smallCanvas.put(small);
    const stylized = this.resultCanvas.draw(this.smallCanvas.canvas, content);
    if (stroke > 1) {
      const enlarged = this.enlargedCanvas.draw(this.seenCanvas.canvas, content);
      restoreDetail(stylized.data, content.data, enlarged.data);
    }
    return stylized.data;
  }

  private async mix(settings: Settings, content: ImageData): Promise<Float32Array> {
    const { first, second, mix } = settings;
    if (!second || mix === 0) return this.output(first, content);
    if (mix === 1) return this.output(second, content);
    const one = await this.output(first, content);
    const other = await this.output(second, content);
    if (this.mixed.length !== one.length) this.mixed = new Float32Array(one.length);
    mixTensors(one, other, mix, this.mixed);
    return this.mixed;
  }

  private async output(layer: Layer, content: ImageData): Promise<Float32Array> {
    const name = layer.kind === 'plain' ? layer.filter.name : `${layer.model.name}, styled`;
    const known = this.outputs.get(name);
    if (known && sameLayer(known.layer, layer)) return known.values;
    this.prepare(content);
    const values = await this.runtime.run(layer, this.input, this.seen.width, this.seen.height);
    this.outputs.set(name, { layer, values });
    return values;
  }

  /** Make the tensor of the content as the filter sees it. */
  private prepare(content: ImageData): void {
    if (this.inputReady) return;
    const seen = sameSize(content, this.seen)
      ? content
      : this.seenCanvas.draw(this.contentCanvas.canvas, this.seen);
    const values = 3 * this.seen.width * this.seen.height;
    if (this.input.length !== values) this.input = new Float32Array(values);
    pixelsToTensor(seen.data, this.input);
    this.inputReady = true;
  }

  private forget(): void {
    this.outputs.clear();
    this.inputReady = false;
  }
}

function leastOf(layer: Layer): number {
  return layer.kind === 'plain' ? layer.filter.least : layer.model.least;
}

function sameLayer(a: Layer, b: Layer): boolean {
  if (a.kind === 'plain' || b.kind === 'plain') return a.kind === b.kind; // their names are the same
  return sameSetting(a, b);
}

function reuse(spare: ArrayBuffer | null, bytes: number): Uint8ClampedArray<ArrayBuffer> {
  return new Uint8ClampedArray(spare?.byteLength === bytes ? spare : new ArrayBuffer(bytes));
}
