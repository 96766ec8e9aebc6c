import type { Picture } from './decoderWorker';

declare const EM_DECODER: string;

/** Reads the QR code that a video shows at this moment. */
export interface CodeReader {
  /** How it reads, for tests and for whoever asks why a phone is slow. */
  kind: 'browser' | 'zbar';
  read: (video: HTMLVideoElement) => Promise<string | null>;
  close: () => void;
}

interface Detector {
  detect: (source: CanvasImageSource) => Promise<{ rawValue: string }[]>;
}
interface DetectorClass {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats: () => Promise<string[]>;
}

/** The browser's own reader, or where it has none (every iPhone, desktop Linux) ours; null when there is neither. */
export async function openCodeReader(): Promise<CodeReader | null> {
  return (await browserReader()) ?? (EM_DECODER === '' ? null : zbarReader());
}

async function browserReader(): Promise<CodeReader | null> {
  const Detector = (window as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  // Chromium on Linux has the class, which reads nothing.
  const formats = await Detector?.getSupportedFormats().catch((): string[] => []);
  if (!Detector || !formats?.includes('qr_code')) return null;
  const detector = new Detector({ formats: ['qr_code'] });
  return {
    kind: 'browser',
    read: async (video) => (await detector.detect(video))[0]?.rawValue ?? null,
    close: () => undefined,
  };
}

/** The longer side of what ZBar is given: a ticket that fills a third of the picture has four pixels a module. */
const longestSide = 1_000;

function zbarReader(): CodeReader {
  const worker = new Worker(EM_DECODER);
  const canvas = document.createElement('canvas');
  const drawing = canvas.getContext('2d', { willReadFrequently: true });
  return {
    kind: 'zbar',
    read: (video) => new Promise((resolve, reject) => {
      if (!drawing) return resolve(null);
      const scale = Math.min(1, longestSide / Math.max(video.videoWidth, video.videoHeight));
      const width = (canvas.width = Math.round(video.videoWidth * scale));
      const height = (canvas.height = Math.round(video.videoHeight * scale));
      if (width === 0 || height === 0) return resolve(null);
      drawing.drawImage(video, 0, 0, width, height);
      const pixels = drawing.getImageData(0, 0, width, height).data.buffer;
      worker.onerror = () => reject(new Error('the decoder could not be started'));
      worker.onmessage = ({ data }: MessageEvent<{ text?: string | null; failure?: string }>) => {
        if (data.failure === undefined) resolve(data.text ?? null);
        else reject(new Error(data.failure));
      };
      worker.postMessage({ width, height, pixels } as Picture, [pixels]);
    }),
    close: () => worker.terminate(),
  };
}
