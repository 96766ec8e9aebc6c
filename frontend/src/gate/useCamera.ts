import { useEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';
import { openCodeReader } from './codeReader';
import type { CodeReader } from './codeReader';
import { Sightings } from './sightings';
import { t } from '../language/text';

export interface Camera {
  /** Why there is no picture, in words for the person who holds the device. */
  failure: string | null;
  /** Null until it reads. */
  reader: CodeReader['kind'] | null;
}

/** Between two looks: quick for a person, slow enough for a phone's battery. */
const pause = 120;

/** While `isOn`, shows the camera in the video and tells of every code that comes into sight. */
export function useCamera(isOn: boolean, video: RefObject<HTMLVideoElement>, onCode: (text: string) => void): Camera {
  const [camera, setCamera] = useState<Camera>({ failure: null, reader: null });
  const isVisible = usePageIsVisible();
  const latest = useRef(onCode);
  latest.current = onCode;
  const isRunning = isOn && isVisible;
  useEffect(() => {
    if (!isRunning) return undefined;
    const run = { isOver: false };
    const end = watch(run, video, (text) => latest.current(text), setCamera);
    return () => {
      run.isOver = true;
      void end.then((close) => close());
      setCamera({ failure: null, reader: null });
    };
  }, [isRunning, video]);
  return camera;
}

/** Opens what it needs and looks until the run is over; answers how to close what was opened. */
async function watch(
  run: { isOver: boolean }, video: RefObject<HTMLVideoElement>, onCode: (text: string) => void, say: (camera: Camera) => void,
): Promise<() => void> {
  const opened: (() => void)[] = [];
  const close = (): void => { for (const end of opened.splice(0)) end(); };
  try {
    const stream = await openCamera();
    opened.push(() => { for (const track of stream.getTracks()) track.stop(); });
    const reader = await openCodeReader();
    opened.push(() => reader?.close());
    if (run.isOver || video.current === null) return close;
    if (reader === null) {
      say({ failure: t('This browser can’t read codes from the camera. Type them, or use a scanner.'), reader: null });
      return close;
    }
    video.current.srcObject = stream;
    await video.current.play();
    say({ failure: null, reader: reader.kind });
    const lock = await navigator.wakeLock?.request('screen').catch(() => undefined);
    opened.push(() => { void lock?.release(); });
    void look(run, video.current, reader, onCode).catch((thrown: unknown) => {
      console.error(thrown);
      if (!run.isOver) say({ failure: t('The camera’s picture can’t be read. Type the code, or use a scanner.'), reader: null });
      close();
    });
  } catch (thrown) {
    if (!run.isOver) say({ failure: wordsFor(thrown), reader: null });
  }
  return close;
}

async function look(run: { isOver: boolean }, video: HTMLVideoElement, reader: CodeReader, onCode: (text: string) => void): Promise<void> {
  const sightings = new Sightings();
  while (!run.isOver) {
    const text = await reader.read(video).catch((thrown) => { if (run.isOver) return null; throw thrown; });
    if (!run.isOver && text !== null && sightings.isNew(text, performance.now())) onCode(text);
    await new Promise((resolve) => { setTimeout(resolve, pause); });
  }
}

function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new DOMException('', 'SecurityError');
  return navigator.mediaDevices.getUserMedia({
    audio: false, video: { facingMode: { ideal: 'environment' }, width: { ideal: 1280 }, height: { ideal: 720 } },
  });
}

function wordsFor(thrown: unknown): string {
  switch (thrown instanceof DOMException ? thrown.name : '') {
    case 'NotAllowedError': return t('This page may not use the camera. Allow it in the browser’s settings for this site.');
    case 'NotFoundError': case 'OverconstrainedError': return t('No camera was found.');
    case 'NotReadableError': case 'AbortError': return t('The camera is in use by something else.');
    case 'SecurityError': return t('Browsers give the camera only to pages with HTTPS.');
    default:
      console.error(thrown);
      return t('The camera could not be opened.');
  }
}

/** A camera that nobody looks through is switched off. */
function usePageIsVisible(): boolean {
  const [isVisible, setIsVisible] = useState(!document.hidden);
  useEffect(() => {
    const look = (): void => setIsVisible(!document.hidden);
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  return isVisible;
}
