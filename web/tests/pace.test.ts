import { describe, expect, it } from 'vitest';
import { Pace } from '../src/pace';

describe('the pace of live frames', () => {
  it('takes a frame at once when the worker is free', () => {
    expect(new Pace().wantsFrame(0)).toBe(true);
  });

  it('takes the next frame shortly before the one that is computed is done', () => {
    const pace = new Pace(40);
    pace.taken(0);
    pace.finished(200, 200); // it takes 200 ms
    pace.taken(200);
    expect(pace.wantsFrame(300)).toBe(false);
    expect(pace.wantsFrame(365)).toBe(true);
  });

  it('never has more than two under way: frames are dropped, not queued', () => {
    const pace = new Pace();
    pace.taken(0);
    pace.taken(10);
    expect(pace.wantsFrame(10_000)).toBe(false);
    pace.finished(10_000, 9_000);
    pace.taken(10_000);
    expect(pace.wantsFrame(10_001)).toBe(false);
  });

  it('keeps the worker at work: 30 frames/s in, 100 ms each, are ten a second', () => {
    const pace = new Pace();
    let freeAt = 0;
    let finished: number[] = [];
    let results = 0;
    for (let now = 0; now < 5000; now++) {
      for (const at of finished.filter((time) => time <= now)) {
        pace.finished(at, 100);
        results++;
      }
      finished = finished.filter((time) => time > now);
      if (now % 33 === 0 && pace.wantsFrame(now)) {
        pace.taken(now);
        freeAt = Math.max(freeAt, now) + 100;
        finished.push(freeAt);
      }
    }
    expect(results).toBeGreaterThanOrEqual(48);
    expect(pace.rate(5000)).toBeCloseTo(10, 0);
  });

  it('tells no rate before there are two results, nor long after the last', () => {
    const pace = new Pace();
    expect(pace.rate(0)).toBeNull();
    pace.finished(10, 5);
    expect(pace.rate(20)).toBeNull();
    pace.finished(110, 5);
    expect(pace.rate(120)).toBeCloseTo(10);
    expect(pace.rate(5000)).toBeNull();
  });

  it('forgets frames that will not come back', () => {
    const pace = new Pace();
    pace.taken(0);
    pace.taken(1);
    pace.restart();
    expect(pace.wantsFrame(2)).toBe(true);
  });
});
