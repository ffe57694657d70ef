/* The page: what its buttons do. */
import { Controls } from './controls';
import { download, toPng } from './download';
import { element, setPressed, setText } from './elements';
import { PageError } from './errors';
import { LIST_ADDRESS, parseFilters, type Filter, type FilterList } from './filters';
import { Gallery } from './gallery';
import type { Result } from './messages';
import { fileName, mediaKind } from './names';
import { installOffline } from './offline';
import { Painter } from './painter';
import { Recording } from './recorder';
import { chooseBackend, Session, threadCount, type Started } from './session';
import { STILL_SIDE } from './sizes';
import { Live } from './sources/live';
import type { Source } from './sources/source';
import { Still } from './sources/still';
import { Stage } from './stage';
import { complain, complaining, say } from './status';

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
  const [first] = list.filters;
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
  const controls = new Controls(list.filters, () => {
    painter.changed(true);
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
  const gallery = new Gallery(list.filters, choose);

  function choose(filter: Filter): void {
    chosen = filter;
    gallery.mark(filter);
    controls.chosen(filter);
    describe();
    painter.changed(true);
  }

  function describe(): void {
    const { source } = painter;
    if (source) stage.describe(chosen.title, source.title, source.mirrored);
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
    if (source && !recording) say(`${source.title}, in the style of ${chosen.title}.`);
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

  async function openFile(file: File): Promise<void> {
    const kind = mediaKind(file);
    if (kind === 'image') return open(Still.open(file, file.name));
    if (kind === 'video') return open(Live.file(file));
    complain(new PageError(`${file.name} is neither an image nor a video. Open a JPEG, PNG, WebP, MP4 or WebM.`));
  }

  function openFirst(files: FileList | undefined): void {
    const file = files?.[0];
    if (file) void openFile(file);
  }

  async function openSample(address: string): Promise<Source> {
    const response = await fetch(address).catch(() => null);
    if (!response?.ok) throw new PageError(`${address} is missing. Write the folder again with fast-nst web.`);
    return Still.open(await response.blob(), 'Sample image');
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
  acceptDrops(openFirst);
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

async function loadFilters(): Promise<FilterList> {
  const response = await fetch(LIST_ADDRESS).catch(() => null);
  if (!response?.ok) {
    throw new PageError(`${LIST_ADDRESS} is missing. Write this folder with fast-nst web.`);
  }
  let document: unknown;
  try {
    document = await response.json();
  } catch {
    throw new PageError(`${LIST_ADDRESS} is not JSON. Write this folder again with fast-nst web.`);
  }
  return parseFilters(document);
}

function acceptDrops(dropped: (files: FileList | undefined) => void): void {
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.dataset.dropping = '';
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) delete document.body.dataset.dropping;
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    delete document.body.dataset.dropping;
    dropped(event.dataTransfer?.files);
  });
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

start().catch(complain);
