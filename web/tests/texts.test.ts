import { describe, expect, it } from 'vitest';
import { explain, explainCamera } from '../src/errors';
import { fileName, mediaKind, megabytes, titleOf, unusedName } from '../src/names';
import { recordingType } from '../src/recorder';
import { threadCount } from '../src/session';

describe('names of downloads', () => {
  const size = { width: 320, height: 240 };
  const when = new Date(2026, 0, 2, 3, 4, 5);

  it('tell the filter, the size and the time', () => {
    expect(fileName('starry_night', size, when, 'png')).toBe('starry_night-320x240-20260102-030405.png');
  });

  it('hold nothing that file systems refuse', () => {
    expect(fileName('../a b:c*?', size, when, 'png')).toBe('a_b_c-320x240-20260102-030405.png');
    expect(fileName('///', size, when, 'webm')).toBe('image-320x240-20260102-030405.webm');
    expect(fileName('Große_波', size, when, 'png')).toMatch(/^Große_波-/);
  });
});

describe('a chosen file', () => {
  it.each([
    ['a.jpg', 'image/jpeg', 'image'],
    ['a', 'video/mp4', 'video'],
    ['a.jpg', 'application/pdf', 'other'],
    ['a.WEBM', '', 'video'],
    ['a.webp', '', 'image'],
    ['a.txt', '', 'other'],
  ] as const)('%s of type "%s" is a %s', (name, type, kind) => {
    expect(mediaKind({ name, type })).toBe(kind);
  });
});

describe('a style of a file', () => {
  it('is called like the file', () => {
    expect(titleOf('my_cat  in.the sun.jpg')).toBe('My cat in.the sun');
    expect(titleOf('.jpg')).toBe('Picture');
  });

  it('gets a number where the name is taken', () => {
    expect(unusedName('Cat', new Set(['Dog']))).toBe('Cat');
    expect(unusedName('Cat', new Set(['Cat', 'Cat 2']))).toBe('Cat 3');
  });
});

describe('texts', () => {
  it('tell sizes of files', () => {
    expect(megabytes(1_815_730)).toBe('1.8 MB');
    expect(megabytes(420_400)).toBe('420 kB');
    expect(megabytes(3)).toBe('1 kB');
  });

  it('explain errors in one line', () => {
    expect(explain(new Error('first\nsecond'))).toBe('first');
    expect(explain('plain')).toBe('plain');
    expect(explain(new Error(''))).toContain('Reload the page');
  });

  it('tell what to do when the camera does not start', () => {
    const error = (name: string): Error => Object.assign(new Error('why'), { name });
    expect(explainCamera(error('NotAllowedError'))).toContain('refused');
    expect(explainCamera(error('NotFoundError'))).toContain('No camera was found');
    expect(explainCamera(error('NotReadableError'))).toContain('in use');
    expect(explainCamera(error('OtherError'))).toContain('why');
  });
});

describe('what the machine can do', () => {
  it('gives one thread without shared memory, and some cores to the page otherwise', () => {
    expect(threadCount(8, false)).toBe(1);
    expect([1, 2, 4, 8, 12, 64].map((cores) => threadCount(cores, true))).toEqual([1, 2, 3, 4, 6, 8]);
  });

  it('records WebM where it can, MP4 where it cannot, and nothing where there is neither', () => {
    expect(recordingType(() => true)).toBe('video/webm;codecs=vp9');
    expect(recordingType((type) => type === 'video/mp4')).toBe('video/mp4');
    expect(recordingType(() => false)).toBeNull();
  });
});
