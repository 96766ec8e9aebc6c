// What is heard and felt at the gate: staff look at the guest, not at the screen.

const mutedKey = 'em.gate.muted';
let context: AudioContext | null = null;

export function isMuted(): boolean {
  try { return localStorage.getItem(mutedKey) !== null; } catch { return false; }
}

export function setMuted(muted: boolean): void {
  try {
    if (muted) localStorage.setItem(mutedKey, '1');
    else localStorage.removeItem(mutedKey);
  } catch { /* then it lasts as long as the page */ }
}

/** Browsers allow sound only once somebody has touched the page: called on every touch and key. */
export function wakeSound(): void {
  try {
    context ??= 'AudioContext' in window ? new AudioContext() : null;
    if (context?.state === 'suspended') void context.resume().catch(() => undefined);
  } catch { /* no sound in this browser: the screen says it all the same */ }
}

/** Two rising tones and a short buzz of the phone; or a low tone and a long one. They differ by more than their pitch. */
export function signal(good: boolean): void {
  try {
    if ('vibrate' in navigator) navigator.vibrate(good ? 80 : [250, 100, 250]);
    if (isMuted() || context?.state !== 'running') return;
    if (good) {
      tone(context, 880, 0, 0.09, 'sine');
      tone(context, 1320, 0.1, 0.14, 'sine');
    } else {
      tone(context, 196, 0, 0.5, 'square');
    }
  } catch (thrown) {
    console.info('No signal in this browser.', thrown);
  }
}

function tone(on: AudioContext, frequency: number, after: number, seconds: number, type: OscillatorType): void {
  const [oscillator, volume] = [on.createOscillator(), on.createGain()];
  const start = on.currentTime + after;
  oscillator.type = type;
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(type === 'square' ? 0.12 : 0.3, start);
  volume.gain.exponentialRampToValueAtTime(0.001, start + seconds);
  oscillator.connect(volume).connect(on.destination);
  oscillator.start(start);
  oscillator.stop(start + seconds);
}
