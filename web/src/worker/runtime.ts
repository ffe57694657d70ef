/* onnxruntime-web: which build of it, and the filters that it holds. */
import type * as Ort from 'onnxruntime-web';
import { paintGraph } from '../codes';
import { PageError, explain } from '../errors';
import type { Graph, StyledModel } from '../filters';
import type { Backend, FromWorker, Layer } from '../messages';
import { megabytes } from '../names';
import type { Tensor } from '../picture';

/** Of onnxruntime-web; the build puts it in. */
declare const RUNTIME_VERSION: string;

const MAX_SESSIONS = 8; // graphs that are held at once; each has its weights and working memory

/** The files of each build, in the folder runtime/: WebGPU needs one that is twice as large. */
const BUILDS: Record<Backend, string> = {
  wasm: 'ort-wasm-simd-threaded',
  webgpu: 'ort-wasm-simd-threaded.asyncify',
};

type Styled = Extract<Layer, { kind: 'styled' }>;

/** A graph that is to be run: what to call it in messages, where it runs, what goes in and comes out. */
interface Job {
  readonly graph: Graph;
  readonly title: string;
  readonly provider: Backend;
  readonly inputs: Readonly<Record<string, Ort.Tensor>>;
  readonly output: string;
}

export class Runtime {
  private ort: Promise<typeof Ort> | null = null;
  private readonly sessions = new Map<string, Ort.InferenceSession>();
  private feed: { tensor: Ort.Tensor; values: Float32Array } | null = null;
  /** The weights of the setting that was last decoded. */
  private decoded: { layer: Styled; weights: Ort.Tensor } | null = null;

  /** Models whose graphs were all opened. */
  private readonly complete = new Set<string>();

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
   * Apply a filter, or a model of many styles in one setting.
   *
   * @param input a (3, height, width) tensor in [0, 1].
   * @returns the same, stylized; a new array.
   */
  async run(
    layer: Layer,
    input: Float32Array,
    width: number,
    height: number,
  ): Promise<Float32Array> {
    try {
      return await this.runOnce(layer, input, width, height);
    } catch (error) {
      if (error instanceof PageError || this.backend === 'wasm') throw error;
      await this.fallBack(error);
      return this.runOnce(layer, input, width, height);
    }
  }

  /**
   * The code of a picture. Codes are computed by WASM also where there is WebGPU, so that they are the same
   * everywhere.
   */
  async encode(model: StyledModel, picture: Tensor): Promise<Float32Array> {
    if (!model.encode) throw new PageError('This filter takes no further styles.');
    const { Tensor: OrtTensor } = await this.module();
    const dims = [1, 3, picture.height, picture.width];
    const code = await this.compute({
      graph: model.encode,
      title: 'the style encoder',
      provider: 'wasm',
      inputs: { picture: new OrtTensor('float32', picture.values, dims) },
      output: 'code',
    });
    return expected(code, [model.code], model.encode);
  }

  private async runOnce(
    layer: Layer,
    input: Float32Array,
    width: number,
    height: number,
  ): Promise<Float32Array> {
    const content = await this.tensor(input, width, height);
    const provider = this.backend;
    const job: Job =
      layer.kind === 'plain'
        ? {
            graph: layer.filter,
            title: layer.filter.title,
            provider,
            inputs: { [layer.filter.input]: content },
            output: layer.filter.output,
          }
        : {
            title: layer.title,
            provider,
            ...(await this.painting(layer, content)),
            output: 'stylized',
          };
    const output = await this.compute(job, ` on ${width}x${height} px`);
    if (layer.kind === 'styled') await this.openOthers(layer.model, job);
    return expected(output, [1, 3, height, width], job.graph);
  }

  /** The graph for a stroke size, and its inputs. */
  private async painting(layer: Styled, content: Ort.Tensor): Promise<Pick<Job, 'graph' | 'inputs'>> {
    const { Tensor: OrtTensor } = await this.module();
    const { graph, shares } = paintGraph(layer.model, layer.strokeSize);
    const weights = await this.weights(layer);
    if (shares.length === 1) return { graph, inputs: { content, weights } };
    return { graph, inputs: { content, weights, shares: new OrtTensor('float32', shares, [shares.length]) } };
  }

  /** Open a model's graphs for other stroke sizes with the first image, so that no later one waits for them. */
  private async openOthers(model: StyledModel, job: Job): Promise<void> {
    if (this.complete.has(model.name)) return;
    this.complete.add(model.name);
    const content = job.inputs.content!;
    for (const graph of model.paint) {
      const named = graph.scales.length > 1 ? { ...job.inputs, shares: content } : job.inputs;
      await this.session({ ...job, graph, inputs: named });
    }
  }

  /** The weights of a setting; they are decoded only when it has changed. */
  private async weights(layer: Styled): Promise<Ort.Tensor> {
    if (this.decoded && sameSetting(this.decoded.layer, layer)) return this.decoded.weights;
    const { Tensor: OrtTensor } = await this.module();
    const weights = await this.compute({
      graph: layer.model.decode,
      title: 'the knobs',
      provider: 'wasm',
      inputs: {
        code: new OrtTensor('float32', layer.code, [layer.code.length]),
        strength: new OrtTensor('float32', [layer.strength], []),
        stroke_size: new OrtTensor('float32', [layer.strokeSize], []),
      },
      output: 'weights',
    });
    this.decoded = { layer, weights };
    return weights;
  }

  private async compute(job: Job, where = ''): Promise<Ort.Tensor> {
    const session = await this.session(job);
    let results: Ort.InferenceSession.ReturnType;
    try {
      results = await session.run(job.inputs);
    } catch (error) {
      if (job.provider === 'webgpu') throw error;
      throw new PageError(`${job.title} failed${where} (${explain(error)}). Choose a smaller size.`);
    }
    return results[job.output]!;
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

  /** The graph, loaded; the one that was used longest ago is let go when there are many. */
  private async session(job: Job): Promise<Ort.InferenceSession> {
    const key = job.graph.model;
    let session = this.sessions.get(key);
    if (session) this.sessions.delete(key);
    else session = await this.open(job);
    this.sessions.set(key, session);
    const [oldest] = this.sessions;
    if (this.sessions.size > MAX_SESSIONS && oldest) {
      this.sessions.delete(oldest[0]);
      await oldest[1].release();
    }
    return session;
  }

  private async open({ graph, title, provider, inputs, output }: Job): Promise<Ort.InferenceSession> {
    this.send({ kind: 'note', text: `Loading ${title} (${megabytes(graph.bytes)})…` });
    const model = await this.download(graph);
    const ort = await this.module();
    let session: Ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(model, {
        executionProviders: [provider],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3, // warnings are not for users: browsers show them as errors
      });
    } catch (error) {
      if (provider === 'webgpu') throw error;
      // The runtime's own file is loaded with the first filter; nothing else tells that it failed.
      if (explain(error).includes('no available backend')) throw runtimeMissing();
      throw new PageError(`${graph.model} cannot be read: ${explain(error)}`);
    }
    const missing =
      Object.keys(inputs).find((name) => !session.inputNames.includes(name)) ??
      (session.outputNames.includes(output) ? undefined : output);
    if (missing !== undefined) {
      throw new PageError(
        `${graph.model} has inputs ${session.inputNames.join()} and outputs ` +
          `${session.outputNames.join()}; filters.json names ${missing}.`,
      );
    }
    return session;
  }

  private async download(graph: Graph): Promise<Uint8Array> {
    // The hash in the address makes every version of a filter a file of its own for the caches.
    const address = new URL(`${graph.model}?sha256=${graph.sha256}`, this.base);
    let response: Response;
    try {
      response = await fetch(address);
    } catch {
      throw new PageError(
        `${graph.model} could not be loaded. Is the server running, or was the filter never used online?`,
      );
    }
    if (!response.ok) {
      throw new PageError(
        `${graph.model} is missing (${response.status}). Write the folder again with fast-nst web.`,
      );
    }
    const model = new Uint8Array(await response.arrayBuffer());
    if (model.length !== graph.bytes) {
      throw new PageError(
        `${graph.model} has ${model.length} bytes; filters.json says ${graph.bytes}. ` +
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
    this.decoded = null;
    this.complete.clear();
    this.ort = null;
    this.backend = 'wasm';
    await this.load();
  }
}

/** Whether two settings have the same weights. */
export function sameSetting(a: Styled, b: Styled): boolean {
  return (
    a.model.name === b.model.name &&
    a.strength === b.strength &&
    a.strokeSize === b.strokeSize &&
    a.code.every((value, at) => value === b.code[at])
  );
}

/** The values of a result that must have this shape. */
function expected(result: Ort.Tensor, dims: readonly number[], graph: Graph): Float32Array {
  if (result.type !== 'float32' || result.dims.join() !== dims.join()) {
    throw new PageError(
      `${graph.model} gave ${result.type} (${result.dims.join()}); expected float32 (${dims.join()}).`,
    );
  }
  return result.data as Float32Array;
}

function runtimeMissing(): PageError {
  return new PageError('The runtime could not be loaded. See that the server runs, then reload the page.');
}
