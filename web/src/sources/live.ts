import { PageError, explainCamera } from '../errors';
import type { Size } from '../sizes';
import type { Source } from './source';

/** A camera or a video file: a video element that is not shown itself. */
export class Live implements Source {
  readonly live = true;
  private closed = false;

  private constructor(
    readonly video: HTMLVideoElement,
    readonly title: string,
    readonly mirrored: boolean,
    private readonly release: () => void,
    private readonly device: string | null = null,
  ) {}

  /** Whether this is a camera, not a file. */
  get isCamera(): boolean {
    return this.device !== null;
  }

  /** Ids of the cameras; the browser tells them once one was allowed. */
  static async cameras(): Promise<string[]> {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter(({ kind }) => kind === 'videoinput').map(({ deviceId }) => deviceId);
  }

  /** Id of the camera after this one. */
  async nextCamera(): Promise<string | null> {
    const ids = await Live.cameras();
    return ids[(ids.indexOf(this.device ?? '') + 1) % ids.length] ?? null;
  }

  /**
   * Ask for the camera. Call this on a click only: the browser asks the user.
   *
   * @param device which camera; null: the one that looks at the user.
   * @param ended is called when the camera goes away.
   * @throws PageError that says why there is none.
   */
  static async camera(device: string | null, ended: () => void): Promise<Live> {
    // Outside https and localhost browsers hide the interface, whatever its type says.
    const devices = (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
    if (!devices) {
      throw new PageError('The camera needs https or localhost. Open the page at such an address.');
    }
    let stream: MediaStream;
    try {
      stream = await devices.getUserMedia({
        audio: false,
        video: {
          width: { ideal: 640 },
          height: { ideal: 480 },
          ...(device === null ? { facingMode: 'user' } : { deviceId: { exact: device } }),
        },
      });
    } catch (error) {
      throw new PageError(explainCamera(error));
    }
    const track = stream.getVideoTracks()[0];
    track?.addEventListener('ended', ended);
    const video = silentVideo();
    video.srcObject = stream;
    const release = (): void => {
      for (const each of stream.getTracks()) each.stop();
      video.srcObject = null;
    };
    const { deviceId, facingMode } = track?.getSettings() ?? {};
    return Live.begin(video, 'Camera', facingMode !== 'environment', release, deviceId ?? '');
  }

  /**
   * Play a video file, over and over, without its sound.
   *
   * @throws PageError if the browser cannot play it.
   */
  static async file(file: File): Promise<Live> {
    const video = silentVideo();
    const address = URL.createObjectURL(file);
    video.loop = true;
    video.src = address;
    return Live.begin(video, file.name, false, () => {
      video.removeAttribute('src');
      video.load();
      URL.revokeObjectURL(address);
    });
  }

  private static async begin(
    video: HTMLVideoElement,
    title: string,
    mirrored: boolean,
    release: () => void,
    device: string | null = null,
  ): Promise<Live> {
    try {
      await video.play();
    } catch {
      release();
      throw new PageError(`${title} cannot be played by this browser. Use MP4 (H.264) or WebM.`);
    }
    if (!video.videoWidth) {
      release();
      throw new PageError(`${title} has no images, only sound.`);
    }
    return new Live(video, title, mirrored, release, device);
  }

  get size(): Size {
    return { width: this.video.videoWidth, height: this.video.videoHeight };
  }

  get paused(): boolean {
    return this.video.paused;
  }

  async setPaused(paused: boolean): Promise<void> {
    if (paused) this.video.pause();
    else await this.video.play();
  }

  /** Call `arrived` for every new frame until the source is closed. */
  onFrames(arrived: () => void): void {
    const { video } = this;
    // Firefox has had requestVideoFrameCallback since 132 only: before, the screen's rate is used.
    const hasCallback = 'requestVideoFrameCallback' in video;
    const next = (): void => {
      if (hasCallback) video.requestVideoFrameCallback(step);
      else requestAnimationFrame(step);
    };
    const step = (): void => {
      if (this.closed) return;
      if (!video.paused) arrived();
      next();
    };
    next();
  }

  capture(size: Size): Promise<ImageBitmap> {
    return createImageBitmap(this.video, {
      resizeWidth: size.width,
      resizeHeight: size.height,
      resizeQuality: 'medium',
    });
  }

  close(): void {
    this.closed = true;
    this.video.pause();
    this.release();
  }
}

function silentVideo(): HTMLVideoElement {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  return video;
}
