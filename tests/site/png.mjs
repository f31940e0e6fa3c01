// Makes a screenshot's PNG smaller without losing a pixel: browsers compress for speed, pictures in a repository should
// not. Flat interfaces pack best as unfiltered rows, indexed where 256 colours are enough. (PNG specification, 3rd edition)
import { crc32 as zlibCrc32, deflateSync, inflateSync } from 'node:zlib';

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
const crc32 = zlibCrc32 ?? ((bytes) => ~bytes.reduce((crc, byte) => table[(crc ^ byte) & 255] ^ (crc >>> 8), ~0) >>> 0);

function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(named.length + 8);
  out.writeUInt32BE(data.length, 0);
  named.copy(out, 4);
  out.writeUInt32BE(crc32(named) >>> 0, named.length + 4);
  return out;
}

// Rows of 8-bit RGB from a non-interlaced RGB or RGBA file.
function decode(file) {
  const idat = [];
  let header;
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const data = file.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') header = { width: data.readUInt32BE(0), height: data.readUInt32BE(4), depth: data[8], colour: data[9], interlace: data[12] };
    if (type === 'IDAT') idat.push(data);
    at += length + 12;
  }
  const { width, height, depth, colour, interlace } = header;
  const channels = { 2: 3, 6: 4 }[colour];
  if (depth !== 8 || interlace || !channels) throw new Error('not a screenshot');
  const raw = inflateSync(Buffer.concat(idat));
  const stride = width * channels;
  const pixels = Buffer.alloc(width * height * 3);
  let above = Buffer.alloc(stride);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    const row = Buffer.from(raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)));
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? row[x - channels] : 0;
      const corner = x >= channels ? above[x - channels] : 0;
      const up = above[x];
      const guess = left + up - corner;
      const [dl, du, dc] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
      const paeth = dl <= du && dl <= dc ? left : du <= dc ? up : corner;
      row[x] += [0, left, up, (left + up) >> 1, paeth][filter];
    }
    for (let x = 0; x < width; x++) row.copy(pixels, (y * width + x) * 3, x * channels, x * channels + 3);
    above = row;
  }
  return { width, height, pixels };
}

export function smaller(file) {
  const { width, height, pixels } = decode(file);
  const palette = new Map();
  const indexed = Buffer.alloc(width * height);
  for (let i = 0; i < indexed.length && palette.size <= 256; i++) {
    const colour = pixels.readUIntBE(3 * i, 3);
    if (!palette.has(colour)) palette.set(colour, palette.size);
    indexed[i] = palette.get(colour);
  }
  const few = palette.size <= 256;
  const body = few ? indexed : pixels;
  const stride = body.length / height;
  const rows = Buffer.alloc(body.length + height); // every row begins with its filter: 0, none
  for (let y = 0; y < height; y++) body.copy(rows, y * (stride + 1) + 1, y * stride, (y + 1) * stride);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = few ? 3 : 2;
  const colours = Buffer.from([...palette.keys()].flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([
    file.subarray(0, 8),
    chunk('IHDR', header),
    ...(few ? [chunk('PLTE', colours)] : []),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
