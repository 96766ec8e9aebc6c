import { newId } from '../identity/newId';

// The gate's name and this device's, kept in the browser: staff type them once a night, not once a guest.
// Storage may be forbidden by the browser's settings; then they last as long as the page.

const gateKey = 'em.gate';
const deviceKey = 'em.device';
let device: string | null = null;

export function readGate(): string {
  return read(gateKey) ?? '';
}

export function writeGate(name: string): void {
  write(gateKey, name);
}

export function deviceName(): string {
  device ??= read(deviceKey);
  if (device === null) {
    device = `browser ${newId().slice(0, 4)}`;
    write(deviceKey, device);
  }
  return device;
}

function read(key: string): string | null {
  try { return localStorage.getItem(key); } catch { return null; }
}

function write(key: string, value: string): void {
  try { localStorage.setItem(key, value); } catch { /* see above */ }
}
