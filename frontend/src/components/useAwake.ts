import { useEffect } from 'react';

async function askForLock(): Promise<{ release: () => Promise<void> } | null> {
  try { return (await navigator.wakeLock?.request('screen')) ?? null; } catch { return null; }
}

/** Keeps the screen on while the page is in sight, where the browser can: a ticket is held up for longer than a phone stays awake. */
export function useAwake(): void {
  useEffect(() => {
    let lock: { release: () => Promise<void> } | null = null;
    let isOver = false;
    const hold = async (): Promise<void> => {
      if (document.hidden || isOver) return;
      // Refused when the battery is low: then the phone's own ways hold.
      const held = await askForLock();
      lock = held ?? null;
      if (isOver) await lock?.release();
    };
    const seen = (): void => void hold();
    seen();
    document.addEventListener('visibilitychange', seen);
    return () => {
      isOver = true;
      document.removeEventListener('visibilitychange', seen);
      void lock?.release();
    };
  }, []);
}
