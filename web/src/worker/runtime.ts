/* onnxruntime-web: which build of it, and the filters that it holds. */
import type * as Ort from 'onnxruntime-web';
import { PageError, explain } from '../errors';
import type { Filter } from '../filters';
import type { Backend, FromWorker } from '../messages';
import { megabytes } from '../names';

/** Of onnxruntime-web; the build puts it in. */
declare const RUNTIME_VERSION: string;

const MAX_SESSIONS = 4; // filters that are held at once; each has its weights and working memory

/** The files of each build, in the folder runtime/: WebGPU needs one that is twice as large. */
const BUILDS: Record<Backend, string> = {
  wasm: 'ort-wasm-simd-threaded',
  webgpu: 'ort-wasm-simd-threaded.asyncify',
};

export class Runtime {
  private ort: Promise<typeof Ort> | null = null;
  private readonly sessions = new Map<string, Ort.InferenceSession>();
  private feed: { tensor: Ort.Tensor; values: Float32Array } | null = null;

  /**
   * @param threads of WASM; more than one only where the page is cross-origin isolated.
   * @param base address of the page.
   */
  constructor(
    private backend: Backend,
    private threads: number,
    private readonly base: string,
    private readonly send: (message: FromWorker) => void,
  ) {}

  /** Load the runtime's code and say which it is. */
  async load(): Promise<void> {
    await this.module();
    this.send({ kind: 'started', backend: this.backend, threads: this.threads });
  }

  /**
   * Apply a filter.
   *
   * @param input a (3, height, width) tensor in [0, 1].
   * @returns the same, stylized; a new array.
   */
  async run(
    filter: Filter,
    input: Float32Array,
    width: number,
    height: number,
  ): Promise<Float32Array> {
    try {
      return await this.runOnce(filter, input, width, height);
    } catch (error) {
      if (error instanceof PageError || this.backend === 'wasm') throw error;
      await this.fallBack(error);
      return this.runOnce(filter, input, width, height);
    }
  }

  private async runOnce(
    filter: Filter,
    input: Float32Array,
    width: number,
    height: number,
  ): Promise<Float32Array> {
    const session = await this.session(filter);
    const tensor = await this.tensor(input, width, height);
    let results: Ort.InferenceSession.ReturnType;
    try {
      results = await session.run({ [filter.input]: tensor });
    } catch (error) {
      if (this.backend === 'webgpu') throw error;
      throw new PageError(
        `${filter.title} failed on ${width}x${height} px (${explain(error)}). Choose a smaller size.`,
      );
    }
    const output = results[filter.output];
    const expected = `1,3,${height},${width}`;
    if (output?.type !== 'float32' || output.dims.join() !== expected) {
      throw new PageError(
        `${filter.model} gave ${output?.type ?? 'nothing'} (${output?.dims.join() ?? ''}); ` +
          `expected float32 (${expected}).`,
      );
    }
    return output.data as Float32Array;
  }

  /** The input's tensor: the same one as long as the array and the size are. */
  private async tensor(input: Float32Array, width: number, height: number): Promise<Ort.Tensor> {
    const dims = [1, 3, height, width];
    if (this.feed?.values !== input || this.feed.tensor.dims.join() !== dims.join()) {
      const ort = await this.module();
      this.feed = { tensor: new ort.Tensor('float32', input, dims), values: input };
    }
    return this.feed.tensor;
  }

  /** The filter, loaded; the one that was used longest ago is let go when there are many. */
  private async session(filter: Filter): Promise<Ort.InferenceSession> {
    const key = filter.name;
    let session = this.sessions.get(key);
    if (session) this.sessions.delete(key);
    else session = await this.open(filter);
    this.sessions.set(key, session);
    const [oldest] = this.sessions;
    if (this.sessions.size > MAX_SESSIONS && oldest) {
      this.sessions.delete(oldest[0]);
      await oldest[1].release();
    }
    return session;
  }

  private async open(filter: Filter): Promise<Ort.InferenceSession> {
    this.send({ kind: 'note', text: `Loading ${filter.title} (${megabytes(filter.bytes)})…` });
    const model = await this.download(filter);
    const ort = await this.module();
    let session: Ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(model, {
        executionProviders: [this.backend],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3, // warnings are not for users: browsers show them as errors
      });
    } catch (error) {
      if (this.backend === 'webgpu') throw error;
      // The runtime's own file is loaded with the first filter; nothing else tells that it failed.
      if (explain(error).includes('no available backend')) throw runtimeMissing();
      throw new PageError(`${filter.model} cannot be read: ${explain(error)}`);
    }
    const missing =
      (!session.inputNames.includes(filter.input) && filter.input) ||
      (!session.outputNames.includes(filter.output) && filter.output);
    if (missing) {
      throw new PageError(
        `${filter.model} has inputs ${session.inputNames.join()} and outputs ` +
          `${session.outputNames.join()}; filters.json names ${missing}.`,
      );
    }
    return session;
  }

  private async download(filter: Filter): Promise<Uint8Array> {
    // The hash in the address makes every version of a filter a file of its own for the caches.
    const address = new URL(`${filter.model}?sha256=${filter.sha256}`, this.base);
    let response: Response;
    try {
      response = await fetch(address);
    } catch {
      throw new PageError(
        `${filter.model} could not be loaded. Is the server running, or was the filter never used online?`,
      );
    }
    if (!response.ok) {
      throw new PageError(
        `${filter.model} is missing (${response.status}). Write the folder again with fast-nst web.`,
      );
    }
    const model = new Uint8Array(await response.arrayBuffer());
    if (model.length !== filter.bytes) {
      throw new PageError(
        `${filter.model} has ${model.length} bytes; filters.json says ${filter.bytes}. ` +
          'Write the folder again with fast-nst web.',
      );
    }
    return model;
  }

  private module(): Promise<typeof Ort> {
    this.ort ??= this.loadModule();
    return this.ort;
  }

  private async loadModule(): Promise<typeof Ort> {
    let ort: typeof Ort;
    try {
      ort =
        this.backend === 'webgpu'
          ? await import('onnxruntime-web/webgpu')
          : await import('onnxruntime-web/wasm');
    } catch {
      throw runtimeMissing();
    }
    // The version in the address keeps caches from mixing two of them.
    const at = (ending: string): string =>
      new URL(`runtime/${BUILDS[this.backend]}.${ending}?version=${RUNTIME_VERSION}`, this.base).href;
    ort.env.wasm.wasmPaths = { mjs: at('mjs'), wasm: at('wasm') };
    ort.env.wasm.numThreads = this.threads;
    ort.env.logLevel = 'error';
    return ort;
  }

  /** Drivers differ: where WebGPU fails, the processor does the work, and the user is told. */
  private async fallBack(error: unknown): Promise<void> {
    this.send({ kind: 'note', text: `WebGPU failed (${explain(error)}); the processor is used.` });
    this.sessions.clear();
    this.feed = null;
    this.ort = null;
    this.backend = 'wasm';
    await this.load();
  }
}

function runtimeMissing(): PageError {
  return new PageError('The runtime could not be loaded. See that the server runs, then reload the page.');
}
