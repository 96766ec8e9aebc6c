/** The exports of frontend/zbar/reader.c. */
interface Exports {
  memory: WebAssembly.Memory;
  _initialize: () => void;
  frame: (width: number, height: number) => number;
  decode: () => number;
  text: () => number;
}

/** Reads a QR code in an 8-bit grey picture; null when there is none. */
export type ReadGrey = (width: number, height: number, fill: (grey: Uint8Array) => void) => string | null;

/** The module asks for a clock (its own profiling) and a place for messages: it gets neither, and lives without. */
const system = {
  wasi_snapshot_preview1: { clock_time_get: () => 52, fd_close: () => 8, fd_seek: () => 8, fd_write: () => 8 },
};

export async function loadZBar(module: WebAssembly.Module): Promise<ReadGrey> {
  const instance = await WebAssembly.instantiate(module, system);
  const zbar = instance.exports as unknown as Exports;
  zbar._initialize();
  return (width, height, fill) => {
    const at = zbar.frame(width, height);
    if (at === 0) throw new Error('no memory for a picture');
    // The memory moves when it grows: a view of it is good until the next call.
    fill(new Uint8Array(zbar.memory.buffer, at, width * height));
    const length = zbar.decode();
    if (length === 0) return null;
    return new TextDecoder().decode(new Uint8Array(zbar.memory.buffer, zbar.text(), length));
  };
}

/** Luma as in BT.601, from canvas pixels. ZBar finds the edges in what is dim or pale by itself. */
export function toGrey(pixels: Uint8ClampedArray, grey: Uint8Array): void {
  for (let index = 0, at = 0; index < grey.length; index += 1, at += 4) {
    grey[index] = (pixels[at]! * 77 + pixels[at + 1]! * 150 + pixels[at + 2]! * 29) >> 8;
  }
}
