/* The worker: everything that takes time happens here, one request after the other. */
import { explain } from '../errors';
import type { FromWorker, ToWorker } from '../messages';
import { encode } from './encode';
import { Renderer } from './render';
import { Runtime } from './runtime';

declare const self: DedicatedWorkerGlobalScope;

let runtime: Runtime | null = null;
let renderer: Renderer | null = null;
let last: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  last = last.then(() => answer(data));
};

function send(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

async function answer(message: ToWorker): Promise<void> {
  const id = message.kind === 'start' ? -1 : message.id;
  try {
    if (message.kind === 'start') {
      const { backend, threads, base } = message;
      runtime = new Runtime(backend, threads, base, send);
      renderer = new Renderer(runtime);
      await runtime.load();
      return;
    }
    if (!runtime || !renderer) throw new Error('The worker was not started.');
    if (message.kind === 'encode') {
      const code = await encode(message, runtime);
      send({ kind: 'code', id, code }, [code.buffer]);
      return;
    }
    const result = await renderer.render(message);
    send(
      { kind: 'result', id, result },
      result.content ? [result.pixels, result.content] : [result.pixels],
    );
  } catch (error) {
    send({ kind: 'failed', id, message: explain(error) });
  }
}
