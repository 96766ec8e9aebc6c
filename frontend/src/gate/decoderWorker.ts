// ZBar on a thread of its own, so that the page never waits for a picture. frontend/build bundles it by itself.
import { loadZBar, toGrey } from './zbar';
import type { ReadGrey } from './zbar';

declare const EM_ZBAR: string;

export interface Picture {
  width: number;
  height: number;
  pixels: ArrayBuffer;
}

let zbar: Promise<ReadGrey> | null = null;

async function load(): Promise<ReadGrey> {
  const response = await fetch(EM_ZBAR);
  if (!response.ok) throw new Error(`${EM_ZBAR}: ${response.status}`);
  return loadZBar(await WebAssembly.compile(await response.arrayBuffer()));
}

self.onmessage = async ({ data: { width, height, pixels } }: MessageEvent<Picture>) => {
  try {
    const read = await (zbar ??= load());
    const text = read(width, height, (grey) => toGrey(new Uint8ClampedArray(pixels), grey));
    self.postMessage({ text });
  } catch (thrown) {
    zbar = null;
    self.postMessage({ failure: String(thrown) });
  }
};
