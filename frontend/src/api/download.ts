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

/** An image that only its owner may fetch, as an object URL; the caller revokes it. */
export async function fetchImage(path: string, mediaType: string, signal: AbortSignal): Promise<string> {
  const response = await request({ path, headers: { Accept: mediaType }, signal });
  return URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: mediaType }));
}
