/* The page's end of the worker. */
import { PageError } from './errors';
import type { StyledModel } from './filters';
import type { Backend, FromWorker, Result, Settings, ToWorker } from './messages';

export interface Started {
  readonly backend: Backend;
  readonly threads: number;
}

/** How many threads WASM gets: all of two cores, most of four, half of many. */
export function threadCount(cores: number, isolated: boolean): number {
  if (!isolated) return 1; // without the headers COOP and COEP there is no shared memory
  if (cores <= 2) return Math.max(1, cores);
  return cores <= 4 ? cores - 1 : Math.min(8, Math.ceil(cores / 2));
}

/** WebGPU where there is a real adapter; one that computes on the processor is slower than WASM. */
export async function chooseBackend(): Promise<Backend> {
  const gpu = (navigator as { gpu?: Gpu }).gpu;
  try {
    const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
    return adapter && !adapter.info?.isFallbackAdapter ? 'webgpu' : 'wasm';
  } catch {
    return 'wasm';
  }
}

/** What is used of WebGPU's interface; browsers without it have none. */
interface Gpu {
  requestAdapter(options: {
    powerPreference: string;
  }): Promise<{ info?: { isFallbackAdapter?: boolean } } | null>;
}

type Answer = Extract<FromWorker, { kind: 'result' | 'code' }>;

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export class Session {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  private spare: ArrayBuffer | null = null;

  constructor(
    start: Started,
    private readonly on: { started(what: Started): void; note(text: string): void; failed(error: Error): void },
  ) {
    this.worker = new Worker(new URL('./worker/main.ts', import.meta.url), { type: 'module' });
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      this.receive(data);
    };
    this.worker.onerror = (event) => {
      const message = event.message ? `: ${event.message}` : '';
      on.failed(new PageError(`The worker stopped${message}. Reload the page.`));
    };
    this.send({ kind: 'start', ...start, base: document.baseURI });
  }

  /**
   * Stylize an image in the worker.
   *
   * @param content at the result's size; it is handed over. null: the one before again.
   */
  async render(content: ImageBitmap | null, settings: Settings): Promise<Result> {
    const { spare } = this;
    this.spare = null;
    const transfer: Transferable[] = [];
    if (content) transfer.push(content);
    if (spare) transfer.push(spare);
    const answer = await this.ask((id) => ({ kind: 'render', id, settings, content, spare }), transfer);
    return (answer as Extract<Answer, { kind: 'result' }>).result;
  }

  /**
   * Compute the code of a picture in the worker.
   *
   * @param picture is handed over.
   * @throws PageError if it can be no style.
   */
  async encode(
    model: StyledModel,
    picture: ImageBitmap,
    title: string,
    strokeSize: number,
  ): Promise<Float32Array> {
    const answer = await this.ask(
      (id) => ({ kind: 'encode', id, model, picture, title, strokeSize }),
      [picture],
    );
    return (answer as Extract<Answer, { kind: 'code' }>).code;
  }

  /** A result was drawn; its memory goes back to the worker with the next request. */
  recycle(pixels: ArrayBuffer): void {
    this.spare = pixels;
  }

  private ask(message: (id: number) => ToWorker, transfer: Transferable[]): Promise<Answer> {
    const id = this.nextId++;
    this.send(message(id), transfer);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
    });
  }

  private send(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }

  private receive(message: FromWorker): void {
    switch (message.kind) {
      case 'started':
        this.on.started(message);
        return;
      case 'note':
        this.on.note(message.text);
        return;
      case 'result':
      case 'code':
        this.take(message.id)?.resolve(message);
        return;
      case 'failed': {
        const error = new PageError(message.message);
        const waiting = this.take(message.id);
        if (waiting) waiting.reject(error);
        else this.on.failed(error);
      }
    }
  }

  private take(id: number): Waiting | undefined {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    return waiting;
  }
}
