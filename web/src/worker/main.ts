/* The worker: everything that takes time happens here, one request after the other. */
import { explain } from '../errors';
import type { FromWorker, ToWorker } from '../messages';
import { Renderer } from './render';
import { Runtime } from './runtime';

declare const self: DedicatedWorkerGlobalScope;

let renderer: Renderer | null = null;
let last: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  last = last.then(() => answer(data));
};

function send(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

async function answer(message: ToWorker): Promise<void> {
  const id = message.kind === 'render' ? message.id : -1;
  try {
    if (message.kind === 'start') {
      const { backend, threads, base } = message;
      const runtime = new Runtime(backend, threads, base, send);
      renderer = new Renderer(runtime);
      await runtime.load();
      return;
    }
    if (!renderer) throw new Error('The worker was not started.');
    const result = await renderer.render(message);
    send(
      { kind: 'result', id, result },
      result.content ? [result.pixels, result.content] : [result.pixels],
    );
  } catch (error) {
    send({ kind: 'failed', id, message: explain(error) });
  }
}
