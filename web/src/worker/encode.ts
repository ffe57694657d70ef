/* From a picture to the code of its style. */
import type { ToWorker } from '../messages';
import { checkPicture, fitPicture } from '../picture';
import { fit } from '../sizes';
import { Canvas } from './canvas';
import type { Runtime } from './runtime';

type Request = Extract<ToWorker, { kind: 'encode' }>;

const STYLE_SIZE = 256; // px, short side of a picture for strokes of size 1, as in Python
const MOST = 4096; // px; longer sides are made so short by the canvas first

export async function encode(
  { model, picture, title, strokeSize }: Request,
  runtime: Runtime,
): Promise<Float32Array> {
  const size = fit(picture, MOST);
  const { data } = new Canvas().draw(picture, size);
  picture.close();
  checkPicture(title, size, data);
  const fitted = fitPicture(data, size, Math.round(STYLE_SIZE * strokeSize));
  return runtime.encode(model, fitted);
}
