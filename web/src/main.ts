/* The page: what its buttons do. */
import { StyleButton } from './adding';
import { describeMixture } from './codes';
import { Controls } from './controls';
import { download, toPng } from './download';
import { acceptDrops } from './drops';
import { element, setPressed, setText } from './elements';
import { PageError } from './errors';
import { loadFilters, type Filter, type Style } from './filters';
import { Gallery } from './gallery';
import type { Result } from './messages';
import { fileName } from './names';
import { installOffline } from './offline';
import { Painter } from './painter';
import { Recording } from './recorder';
import { chooseBackend, Session, threadCount, type Started } from './session';
import { STILL_SIDE } from './sizes';
import { Live } from './sources/live';
import { openFile, openSample } from './sources/open';
import type { Source } from './sources/source';
import { Stage } from './stage';
import { complain, complaining, say } from './status';
import { StyleMaker } from './styles';

const root = document.documentElement;
const cameraButton = element('camera-button', HTMLButtonElement);
const fileButton = element('file-button', HTMLButtonElement);
const fileInput = element('file-input', HTMLInputElement);
const sampleButton = element('sample-button', HTMLButtonElement);
const snapshotButton = element('snapshot-button', HTMLButtonElement);
const recordButton = element('record-button', HTMLButtonElement);
const pauseButton = element('pause-button', HTMLButtonElement);
const flipButton = element('flip-button', HTMLButtonElement);
const fps = element('fps', HTMLSpanElement);
const info = element('info', HTMLSpanElement);

async function start(): Promise<void> {
  await installOffline();
  const list = await loadFilters();
  const filters = [...list.filters];
  const [first] = filters;
  if (!first) return;
  const stage = new Stage();
  const backend = await chooseBackend();
  const threads = threadCount(navigator.hardwareConcurrency, crossOriginIsolated);
  let runtime: Started = { backend, threads };
  let frames = 0;
  let chosen: Filter = first;
  let recording: Recording | null = null;

  const session = new Session(runtime, {
    started: (what) => {
      runtime = what;
      root.dataset.backend = what.backend;
      root.dataset.threads = String(what.threads);
    },
    note: say,
    failed: complain,
  });
  const controls = new Controls(
    filters,
    (slower) => {
      describe();
      painter.changed(slower);
    },
    choose,
  );
  const maker = new StyleMaker(session, {
    refined: () => {
      painter.changed(false);
    },
    failed: complain,
  });
  const painter = new Painter(
    session,
    stage,
    {
      settings: () => controls.settings(chosen),
      size: () => controls.sizeChoice,
      stillSide: () => STILL_SIDE[runtime.backend],
      sizeFixed: () => recording !== null,
    },
    {
      shown,
      failed: complain,
      working: (busy) => {
        stage.setBusy(busy);
      },
    },
  );
  const gallery = new Gallery(filters, choose);
  const styleButton = new StyleButton(maker, () => [chosen, ...filters], added);

  function choose(filter: Filter): void {
    chosen = filter;
    gallery.mark(filter);
    controls.chosen(filter);
    describe();
    painter.changed(true);
  }

  /** What is painted in: the chosen filter, or a mixture. */
  function lookTitle(): string {
    const parts = controls.mixture;
    return parts.length > 0 ? describeMixture(parts) : chosen.title;
  }

  function describe(): void {
    const { source } = painter;
    if (source) stage.describe(lookTitle(), source.title, source.mirrored);
  }

  function added(style: Style): void {
    filters.unshift(style);
    gallery.add(style);
    choose(style);
  }

  function shown({ width, height, ms }: Result): void {
    frames++;
    root.dataset.frames = String(frames);
    snapshotButton.disabled = false;
    recordButton.disabled = !painter.source?.live;
    const by = runtime.backend === 'webgpu' ? 'WebGPU' : `WASM, ${count(runtime.threads, 'thread')}`;
    info.textContent = `${width} × ${height} px · ${Math.round(ms)} ms · ${by}`;
    if (!complaining()) sayWhat();
  }

  /** Say what is shown; the line changes only when that does. */
  function sayWhat(): void {
    const { source } = painter;
    if (source && !recording) say(`${source.title}, in the style of ${lookTitle()}.`);
  }

  async function open(opening: Promise<Source>): Promise<void> {
    try {
      const source = await opening;
      await stopRecording();
      painter.open(source);
      say(`Opening ${source.title}…`);
    } catch (error) {
      complain(error);
    }
    sourceChanged();
  }

  function sourceChanged(): void {
    const { source } = painter;
    const live = source instanceof Live ? source : null;
    const camera = live?.isCamera ?? false;
    setPressed(cameraButton, camera);
    setText(cameraButton, camera ? 'Stop' : 'Camera');
    pauseButton.disabled = live === null;
    setPressed(pauseButton, live?.paused ?? false);
    if (!live) {
      recordButton.disabled = true;
      fps.textContent = '';
    }
    flipButton.hidden = !camera;
    if (camera) void offerCameras();
    describe();
  }

  async function offerCameras(): Promise<void> {
    flipButton.hidden = (await Live.cameras()).length < 2;
  }

  function startCamera(device: string | null): Promise<void> {
    return open(
      Live.camera(device, () => {
        stopCamera();
        complain(new PageError('The camera went away. Connect it, then press Camera again.'));
      }),
    );
  }

  /** The last image stays on the screen. */
  function stopCamera(): void {
    void stopRecording();
    painter.close();
    sourceChanged();
    say('The camera is off.');
  }

  function openFirst(files: FileList | undefined): void {
    const file = files?.[0];
    if (file) void open(openFile(file));
  }

  async function stopRecording(): Promise<void> {
    const stopped = recording;
    if (!stopped) return;
    recording = null;
    controls.size.disabled = false;
    setPressed(recordButton, false);
    setText(recordButton, 'Record');
    const { size } = stage;
    const { file, ending } = await stopped.stop();
    const name = fileName(chosen.name, size, new Date(), ending);
    download(file, name);
    say(`Saved ${name}.`);
  }

  function startRecording(): void {
    recording = new Recording(stage.view);
    controls.size.disabled = true; // a video has one size
    setPressed(recordButton, true);
    say('Recording…');
  }

  async function snapshot(): Promise<void> {
    const { size } = stage;
    const name = fileName(chosen.name, size, new Date(), 'png');
    download(await toPng(stage.view), name);
    say(`Saved ${name}.`);
  }

  async function togglePause(): Promise<void> {
    const { source } = painter;
    if (!(source instanceof Live)) return;
    const pause = !source.paused;
    await source.setPaused(pause);
    painter.pace.restart();
    if (pause) painter.paused();
    sourceChanged();
  }

  cameraButton.addEventListener('click', () => {
    if (painter.source instanceof Live && painter.source.isCamera) stopCamera();
    else void startCamera(null);
  });
  flipButton.addEventListener('click', () => {
    const { source } = painter;
    if (source instanceof Live) void source.nextCamera().then(startCamera);
  });
  fileButton.addEventListener('click', () => {
    fileInput.click();
  });
  fileInput.addEventListener('change', () => {
    openFirst(fileInput.files ?? undefined);
    fileInput.value = ''; // the same file can be chosen again
  });
  const { sample } = list;
  sampleButton.hidden = sample === null;
  sampleButton.addEventListener('click', () => {
    if (sample) void open(openSample(sample));
  });
  snapshotButton.addEventListener('click', () => {
    void snapshot().catch(complain);
  });
  recordButton.addEventListener('click', () => {
    try {
      if (recording) void stopRecording();
      else startRecording();
    } catch (error) {
      complain(error);
    }
  });
  pauseButton.addEventListener('click', () => {
    void togglePause().catch(complain);
  });
  acceptDrops((files, onStyles) => {
    if (onStyles && styleButton.offered) styleButton.open(files);
    else openFirst(files);
  });
  document.addEventListener('paste', (event) => {
    openFirst(event.clipboardData?.files);
  });
  setInterval(() => {
    const live = painter.source instanceof Live && !painter.source.paused;
    const rate = live ? painter.pace.rate(performance.now()) : null;
    fps.textContent = rate === null ? '' : `${rate.toFixed(1)} frames/s`;
    if (recording) {
      const seconds = Math.floor((performance.now() - recording.startedAt) / 1000);
      setText(recordButton, `Stop (${seconds} s)`);
    }
  }, 500);

  choose(first);
  if (sample) await open(openSample(sample));
  else say('Open a photo or start the camera.');
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

start().catch(complain);
