import { PageError } from './errors';

/** WebM where there is; Safari before 18.4 writes MP4 only. */
const TYPES = ['video/webm;codecs=vp9', 'video/webm;codecs=vp8', 'video/webm', 'video/mp4'] as const;

/** The type that this browser records, or null. */
export function recordingType(supported: (type: string) => boolean): string | null {
  return TYPES.find((type) => supported(type)) ?? null;
}

/** Records what a canvas shows. */
export class Recording {
  private readonly parts: Blob[] = [];
  private readonly recorder: MediaRecorder;
  private readonly stream: MediaStream;
  readonly startedAt = performance.now();

  /** @throws PageError if the browser cannot record. */
  constructor(canvas: HTMLCanvasElement) {
    const type =
      'MediaRecorder' in window
        ? recordingType((each) => MediaRecorder.isTypeSupported(each))
        : null;
    if (!type) throw new PageError('This browser cannot record videos. Take snapshots instead.');
    this.stream = canvas.captureStream();
    const bitsPerSecond = Math.max(2.5e6, canvas.width * canvas.height * 8);
    this.recorder = new MediaRecorder(this.stream, {
      mimeType: type,
      videoBitsPerSecond: bitsPerSecond,
    });
    this.recorder.ondataavailable = ({ data }) => {
      if (data.size > 0) this.parts.push(data);
    };
    this.recorder.start(1000);
  }

  /** The file and its ending. */
  stop(): Promise<{ file: Blob; ending: string }> {
    return new Promise((resolve) => {
      this.recorder.onstop = () => {
        for (const track of this.stream.getTracks()) track.stop();
        const type = this.recorder.mimeType.split(';')[0] ?? 'video/webm';
        resolve({ file: new Blob(this.parts, { type }), ending: type.split('/')[1] ?? 'webm' });
      };
      this.recorder.stop();
    });
  }
}
