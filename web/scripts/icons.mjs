/* Draws the icon: a hill under a sun, whose right half is painted in strokes. SVG, and PNG of the same. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

const OUT = join(import.meta.dirname, '../public/icons');
const SIDE = 64; // units of the drawing

/** @typedef {{x: number, y: number, r: number, color: string}} Circle */

/** @type {Circle[]} */
const photo = [
  { x: 32, y: 26, r: 11, color: '#f7c873' },
  { x: 12, y: 74, r: 30, color: '#41705f' },
  { x: 54, y: 78, r: 32, color: '#2d5548' },
];

/** Strokes: rows of dots along arcs around the sun, in turning colors, on the right half. */
/** @returns {Circle[]} */
function strokes() {
  const colors = ['#f2d489', '#e79a4a', '#5b86c9', '#2f5aa8', '#8fb3dc', '#1f3d7a'];
  const dots = [];
  for (let ring = 0; ring < 9; ring++) {
    const radius = 3 + ring * 5;
    const count = Math.ceil(radius * 2);
    for (let i = 0; i <= count; i++) {
      const angle = -Math.PI / 2 + (Math.PI * i) / count;
      const color = colors[(ring + Math.floor((3 * i) / count)) % colors.length] ?? '#fff';
      const x = 33.5 + radius * Math.cos(angle);
      const y = 28 + radius * Math.sin(angle);
      dots.push({ x, y, r: 2.3, color });
    }
  }
  return dots;
}

const SKY = '#a9c7de';
const PAINT = '#24488c';
const LINE = '#ffffff';
const painted = strokes();

function svg() {
  /** @param {Circle} c */
  const circle = (c) =>
    `<circle cx="${c.x.toFixed(1)}" cy="${c.y.toFixed(1)}" r="${c.r}" fill="${c.color}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
<clipPath id="a"><rect width="64" height="64" rx="14"/></clipPath>
<clipPath id="b"><rect x="32" width="32" height="64"/></clipPath>
<g clip-path="url(#a)"><rect width="64" height="64" fill="${SKY}"/>${photo.map(circle).join('')}
<g clip-path="url(#b)"><rect x="32" width="32" height="64" fill="${PAINT}"/>${painted.map(circle).join('')}</g>
<rect x="31" width="2" height="64" fill="${LINE}"/></g></svg>
`;
}

/**
 * Color of a point of the drawing.
 * @param {number} x
 * @param {number} y
 * @param {{photo: Circle[], painted: Circle[]}} near circles that may be there
 * @returns {string}
 */
function colorAt(x, y, near) {
  if (Math.abs(x - SIDE / 2) <= 1) return LINE;
  const [ground, circles] = x > SIDE / 2 ? [PAINT, near.painted] : [SKY, near.photo];
  const hit = circles.findLast((c) => (x - c.x) ** 2 + (y - c.y) ** 2 <= c.r ** 2);
  return hit ? hit.color : ground;
}

/**
 * The drawing as PNG, without rounded corners (systems cut their own), 4x4 samples a pixel.
 * @param {number} side
 */
function png(side) {
  const samples = 4;
  const rows = Buffer.alloc(side * (1 + 3 * side));
  let at = 0;
  for (let row = 0; row < side; row++) {
    rows[at++] = 0; // no prediction
    const y0 = ((row + 0.5) * SIDE) / side;
    /** @param {Circle} c */
    const isNear = (c) => Math.abs(c.y - y0) <= c.r + 1;
    const near = { photo: photo.filter(isNear), painted: painted.filter(isNear) };
    for (let column = 0; column < side; column++) {
      let [red, green, blue] = [0, 0, 0];
      for (let s = 0; s < samples ** 2; s++) {
        const x = ((column + ((s % samples) + 0.5) / samples) * SIDE) / side;
        const y = ((row + (Math.floor(s / samples) + 0.5) / samples) * SIDE) / side;
        const value = parseInt(colorAt(x, y, near).slice(1), 16);
        red += value >> 16;
        green += (value >> 8) & 255;
        blue += value & 255;
      }
      for (const each of [red, green, blue]) rows[at++] = Math.round(each / samples ** 2);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/**
 * @param {string} kind
 * @param {Buffer} data
 */
function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

mkdirSync(OUT, { recursive: true });
writeFileSync(join(OUT, 'icon.svg'), svg());
for (const side of [180, 192, 512]) writeFileSync(join(OUT, `icon-${side}.png`), png(side));
