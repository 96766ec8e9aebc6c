import { request } from './client';

/** Fetches a file with the session's token and hands it to the browser's own download. */
export async function download(path: string, fileName: string): Promise<void> {
  const response = await request({ path, headers: { Accept: '*/*' } });
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  // The download has its own hold on the blob only after the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A text that only its owner may fetch, such as a picture in SVG. */
export async function fetchText(path: string, mediaType: string, signal: AbortSignal): Promise<string> {
  return (await request({ path, headers: { Accept: mediaType }, signal })).text();
}
